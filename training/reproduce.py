"""Recipes of others, run for real and written down beside what they report."""

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from training import recipe
from training import run as runs
from training.recipe import Recipe
from training.run import Result


class Family(NamedTuple):
    """How a family of recipes is headed in the document, and what is to be said of all of it."""

    title: str
    remark: str = ""


FAMILIES = {
    "textbook": Family("Courses and books"),
    "mnist_mlp_table": Family(
        "Atienza's table 1.3.3, at the 20 epochs the book states",
        "The rows of Adam, of RMSprop and the one without ReLU agree with the book within a point. The other rows of "
        "SGD stay two to four points below it, on the training images too: 20 epochs at Keras' default learning rate "
        "of 0.01 are too few to reach what they report, so the book must have trained them longer, or at another rate.",
    ),
    "mnist_mlp_table_long": Family("The rows of SGD again, 200 epochs long"),
}
_HEAD = """\
# The textbook recipes, reproduced

Written by `python -m training reproduce`: each recipe is trained with the settings its source states, on the source's
own part of the training split, and measured once on the test split after the last epoch. Mean ± standard deviation over
n seeds, in points; minutes are those of one run. Nothing was tuned towards a reported figure. A network that predicts
the digit as a number is right if the number, clipped to 0 … 9, rounds to the label.
"""


class Reproduced(NamedTuple):
    """A recipe and what each of its finished seeds gave."""

    recipe: Recipe
    results: Sequence[Result]


def document(runs_dir: Path) -> str:
    """The Markdown of docs/reproduction.md, from what lies finished in a runs folder."""
    lines = [_HEAD]
    for name, family in FAMILIES.items():
        reproduced = finished(runs_dir, name)
        told = [*([family.remark, ""] if family.remark else []), *remarks(reproduced)]
        lines += [f"## {family.title}", "", *table(reproduced), "", *told]
        lines += [""] if told else []
    return "\n".join(lines).rstrip() + "\n"


def finished(runs_dir: Path, family: str) -> list[Reproduced]:
    """What lies finished in a runs folder of each recipe of a family."""
    return [Reproduced(found, _results(runs_dir, found)) for found in recipe.find_all(family)]


def _results(runs_dir: Path, found: Recipe) -> list[Result]:
    folders = sorted(runs_dir.glob(f"{found.name}-seed*-{recipe.fingerprint(found)}"))
    results = [runs.open_run(folder).result() for folder in folders]
    return [result for result in results if result is not None]


def table(reproduced: Sequence[Reproduced]) -> Iterator[str]:
    """The Markdown rows of one table."""
    yield "| recipe | what | parameters | reported test (train) | measured test | measured train | n | minutes a run |"
    yield "|---|---|---|---|---|---|---|---|"
    for found, results in reproduced:
        yield f"| `{found.name}` | {_settings(found)} | {_measured(found, results)} |"


def remarks(reproduced: Sequence[Reproduced]) -> Iterator[str]:
    """A sentence for each recipe that has one."""
    for found, _ in reproduced:
        if found.reported and found.reported.remark:
            yield f"* `{found.name}`: {found.reported.remark}"


def _settings(found: Recipe) -> str:
    optimizer = found.optimizer
    rate = f"{optimizer.name} {optimizer.learning_rate:g}"
    return f"{found.title}; {rate}, batch {found.batch_size}, {found.epochs} epochs"


def _measured(found: Recipe, results: Sequence[Result]) -> str:
    reported = found.reported
    told = f"{_percent(reported.test)} ({_percent(reported.train)})" if reported else "– (–)"
    if not results:
        return f"– | {told} | not run | not run | 0 | –"
    test = _spread([result.test_accuracy for result in results])
    train_accuracy = _spread([result.train_accuracy for result in results])
    minutes = statistics.mean(result.seconds for result in results) / 60
    return f"{results[0].parameters:,} | {told} | {test} | {train_accuracy} | {len(results)} | {minutes:.1f}"


def _percent(accuracy: float | None) -> str:
    return "–" if accuracy is None else f"{accuracy:.2%}"


def _spread(accuracies: Sequence[float]) -> str:
    """Mean ± standard deviation in percent; of one value, that value."""
    mean = statistics.mean(accuracies)
    return f"{mean:.2%}" if len(accuracies) == 1 else f"{mean:.2%} ± {100 * statistics.stdev(accuracies):.2f}"
