"""Recipes of others, run for real and written down beside what they report."""

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from service.errors import Fault
from training import atomic, recipe
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
    "mnist_mlp_table_long": Family(
        "The rows of SGD again, 200 epochs long",
        "Every row is within 0.3 points of the book on the test images, so the length was what was missing. On the "
        "training images the rows with dropout are above it, as they are measured here with no unit dropped.",
    ),
}
_HEAD = """\
# The textbook recipes, reproduced

Written by `python -m training reproduce`: each recipe is trained with the settings its source states, on the source's
own part of the training split, and measured once on the test split after the last epoch. Mean ± standard deviation over
n seeds, in points; minutes are those of one run, the median. `reproduction.json` holds the figures of each. Nothing was
tuned towards a reported figure. A network that predicts the digit as a number is right if the number, clipped to 0 … 9,
rounds to the label. Trained on: {hardware}; by the code of commit {commits}.
"""


class Reproduced(NamedTuple):
    """A recipe and what each of its finished seeds gave."""

    recipe: Recipe
    results: Sequence[Result]


class NoLedger(Fault):
    """A document holds figures of which the ledger beside it knows nothing; written anew, it would lose them."""

    code = "no_ledger"


class Ledger:
    """What finished seeds gave, by recipe, fingerprint and seed, in a JSON file that is kept beside the document.

    So the table grows by runs of many days and machines, and each of its figures can be traced.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._results = self._read()

    def check_is_there(self, document: Path) -> None:
        """Raises NoLedger where the document is there and this is not."""
        if document.exists() and not self._path.exists():
            raise NoLedger(
                f"{document} was written without {self._path}, and its figures would be lost; --out names another "
                "file, --again begins this one anew"
            )

    def _read(self) -> dict[str, Result]:
        stated = json.loads(self._path.read_text()) if self._path.exists() else {}
        return {name: Result(**result) for name, result in stated.items()}

    def add(self, found: Recipe, seed: int, result: Result) -> None:
        """Keeps what a finished run gave, in place of what the same recipe and seed gave before."""
        # Read again: another process may have added to the file since.
        self._results = self._read() | {_name(found, seed): result}
        ordered = {name: found._asdict() for name, found in sorted(self._results.items())}
        atomic.write_text(self._path, json.dumps(ordered, indent=1) + "\n")

    def has(self, found: Recipe, seed: int) -> bool:
        """Whether the recipe, as it is now, has been run with the seed."""
        return _name(found, seed) in self._results

    def all_of(self, field: str) -> list[str]:
        """Every value that some result has in a field, such as every device."""
        return sorted({getattr(result, field) for result in self._results.values()} - {None})

    def of(self, found: Recipe) -> list[Result]:
        """What each seed of the recipe gave."""
        return [result for name, result in self._results.items() if name.startswith(_name(found, ""))]


def _name(found: Recipe, seed: int | str) -> str:
    return f"{found.name} {recipe.fingerprint(found)} seed {seed}"


def document(ledger: Ledger) -> str:
    """The Markdown of docs/reproduction.md."""
    hardware, commits = (", ".join(ledger.all_of(name)) or "none yet" for name in ("device", "commit"))
    lines = [_HEAD.format(hardware=hardware, commits=commits)]
    for name, family in FAMILIES.items():
        reproduced = finished(ledger, name)
        told = [*([family.remark, ""] if family.remark else []), *remarks(reproduced)]
        lines += [f"## {family.title}", "", *table(reproduced), "", *told]
        lines += [""] if told else []
    return "\n".join(lines).rstrip() + "\n"


def finished(ledger: Ledger, family: str) -> list[Reproduced]:
    """Each recipe of a family with what was measured of it."""
    return [Reproduced(found, ledger.of(found)) for found in recipe.find_all(family)]


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
    minutes = statistics.median(result.seconds for result in results) / 60
    return f"{results[0].parameters:,} | {told} | {test} | {train_accuracy} | {len(results)} | {minutes:.1f}"


def _percent(accuracy: float | None) -> str:
    return "–" if accuracy is None else f"{accuracy:.2%}"


def _spread(accuracies: Sequence[float]) -> str:
    """Mean ± standard deviation in percent; of one value, that value."""
    mean = statistics.mean(accuracies)
    return f"{mean:.2%}" if len(accuracies) == 1 else f"{mean:.2%} ± {100 * statistics.stdev(accuracies):.2f}"
