"""Runs side by side."""

from collections.abc import Iterator, Sequence

from training.run import Run

_HEAD = ("recipe", "seed", "epochs", "parameters", "train", "test", "test loss", "minutes")


def lines(runs: Sequence[Run]) -> Iterator[str]:
    """A table as plain lines, the run of the best test accuracy first; what an unfinished run has not got is a dash."""
    ordered = sorted(runs, key=lambda run: result.test_accuracy if (result := run.result()) else -1.0, reverse=True)
    rows = [_HEAD, *(_row(run) for run in ordered)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(run: Run) -> tuple[str, ...]:
    checkpoint, result = run.load(), run.result()
    done = len(checkpoint.history) if checkpoint else 0
    named = (run.recipe.name, str(run.seed), f"{done}/{run.recipe.epochs}")
    if result is None:
        return (*named, *"–––––")
    accuracies = f"{result.train_accuracy:.2%}", f"{result.test_accuracy:.2%}"
    return (*named, f"{result.parameters:,}", *accuracies, f"{result.test_loss:.4f}", f"{result.seconds / 60:.1f}")
