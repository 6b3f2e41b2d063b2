"""The page: goals, one table, one plot, and the machine, put between two marks of docs/benchmarks.md."""

import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from matplotlib.figure import Figure

from benchmarks.contenders import BENTOML, EARLIER_TITLE, FLASK_LITERT, FLASK_SAVEDMODEL, LITSERVE, SQUINT
from benchmarks.measure import (
    ALONE,
    BATCH,
    CLOSED,
    LARGE,
    LIVENESS,
    OVERLOAD,
    OVERLOAD_MAX_WAIT_S,
    SMALL,
    Row,
    Sample,
)

BEGIN, END = "<!-- measured: `make bench` replaces what follows -->", "<!-- end of what was measured -->"
_COLUMNS = ("answers_per_s", "p50_ms", "p99_ms", "cpu_ms", "memory_mb", "first_answer_s")
_HEAD = (
    "request",
    "server",
    "answers/s",
    "p50 ms",
    "p99 ms",
    "CPU ms an answer",
    "memory MB",
    "first answer s",
    "goal",
)
_SMALL_SQUINT = Row(SMALL, SQUINT.title)
_OURS = ("flask", "gunicorn", "pillow", "numpy", "ai-edge-litert", "tensorflow-cpu")
_THEIRS = ("litserve", "bentoml")
_VERSIONS = "import sys, importlib.metadata as m; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"

# One sample a round for each row.
Results = Mapping[Row, Sequence[Sample]]


class Goal(NamedTuple):
    """A bound on the median of some values, one a round, and the row of the table where it stands."""

    row: Row
    text: str
    bound: float
    is_minimum: bool
    values: list[float]

    def as_text(self) -> str:
        """The goal, what was measured, and whether it is reached."""
        middle = median(self.values)
        reached = middle >= self.bound if self.is_minimum else middle <= self.bound
        sign = "≥" if self.is_minimum else "≤"
        return f"{self.text} {sign} {self.bound:g}: {_spread(self.values)}, {'reached' if reached else '**missed**'}"


def goals(results: Results) -> Iterator[Goal]:
    """All goals whose rows were measured."""
    squint = SQUINT.title
    for title, bound in ((FLASK_LITERT.title, 1.0), (FLASK_SAVEDMODEL.title, 1.7), (LITSERVE.title, 2.5)):
        row = Row(SMALL, title)
        yield Goal(row, "Squint's answers/s ÷ its", bound, True, _ratios(results, "answers_per_s", _SMALL_SQUINT, row))
    before = Row(SMALL, EARLIER_TITLE)
    yield Goal(before, "Squint's CPU ÷ its", 0.8, False, _ratios(results, "cpu_ms", _SMALL_SQUINT, before))
    yield Goal(_SMALL_SQUINT, "MB", 150, False, _values(results, "memory_mb", _SMALL_SQUINT))
    yield Goal(_SMALL_SQUINT, "first answer s", 1.5, False, _values(results, "first_answer_s", _SMALL_SQUINT))
    large, bare = Row(LARGE, squint), Row(LARGE, FLASK_LITERT.title)
    yield Goal(bare, "Squint's answers/s ÷ its", 3.5, True, _ratios(results, "answers_per_s", large, bare))
    batch, alone = Row(BATCH, squint), Row(BATCH, ALONE)
    yield Goal(alone, "Squint's answers/s ÷ its", 0.7, True, _ratios(results, "answers_per_s", batch, alone))
    overload, closed = Row(OVERLOAD, squint), Row(CLOSED, squint)
    offered, carried = (_values(results, *what) for what in (("offered_per_s", overload), ("answers_per_s", closed)))
    yield Goal(overload, "offered/s ÷ closed loop's", 4, True, _quotients(offered, carried))
    yield Goal(overload, "answers/s ÷ closed loop's", 0.8, True, _ratios(results, "answers_per_s", overload, closed))
    pairs = zip(_values(results, "p99_ms", overload), _values(results, "p99_ms", closed), strict=True)
    waits = [late - answer for late, answer in pairs]
    yield Goal(overload, "p99 ms − closed loop's", OVERLOAD_MAX_WAIT_S * 1000, False, waits)
    probe = Row(LIVENESS, squint)
    yield Goal(probe, "p99 ms", 100, False, _values(results, "p99_ms", probe))


def _values(results: Results, column: str, row: Row) -> list[float]:
    values = [getattr(sample, column) for sample in results.get(row, ())]
    return [value for value in values if value is not None]


def _ratios(results: Results, column: str, row: Row, other: Row) -> list[float]:
    return _quotients(_values(results, column, row), _values(results, column, other))


def _quotients(values: Sequence[float], bases: Sequence[float]) -> list[float]:
    return [value / base for value, base in zip(values, bases, strict=False) if base]


def table(results: Results) -> str:
    """A row for each load and server; where Squint gets the same load, other servers are also given relative to it."""
    found = [goal for goal in goals(results) if goal.values]
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    loads = list(dict.fromkeys(row.load for row in results))
    for row in sorted(results, key=lambda row: loads.index(row.load)):
        reference = Row(row.load, SQUINT.title)
        cells = [_cell(results, column, row, reference) for column in _COLUMNS]
        failed = sum(sample.failed for sample in results[row])
        cells[0] += f", {failed} failed" if failed else ""
        lines.append(_line([*row, *cells, "<br>".join(goal.as_text() for goal in found if goal.row == row)]))
    return "\n".join(lines)


def _cell(results: Results, column: str, row: Row, reference: Row) -> str:
    values = _values(results, column, row)
    if not values:
        return ""
    ratios = [] if row == reference else _ratios(results, column, row, reference)
    return f"{_number(median(values))}; × {_spread(ratios)}" if ratios else _spread(values)


def _spread(values: Sequence[float]) -> str:
    low, high = _number(min(values)), _number(max(values))
    return f"{_number(median(values))} ({low}–{high})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def machine() -> str:
    """When, of which code and where; run in the checkout."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    cores = f"{len(os.sched_getaffinity(0))} cores of {model[1] if model else platform.machine()}"
    commit = _output("git", "describe", "--always", "--dirty")
    versions = [_output(str(SQUINT.python), "-c", _VERSIONS, *_OURS)]
    if BENTOML.python.exists():
        versions.append(_output(str(BENTOML.python), "-c", _VERSIONS, *_THEIRS))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, {cores}, Linux {platform.release()}, "
        f"Python {platform.python_version()}, {', '.join(versions)}; load average before {os.getloadavg()[0]:.1f}."
    )


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def write(page: Path, conditions: str, results: Results) -> None:
    """Puts the figures between the marks of the page, and the plot beside it."""
    plot(results, page.with_suffix(".png"))
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{conditions}\n\n{table(results)}\n\n{END}{after}")


def plot(results: Results, file: Path) -> None:
    """Answers a second of each server for the smallest picture: the median, with lowest and highest."""
    found = {row.server: _values(results, "answers_per_s", row) for row in results if row.load == SMALL}
    middles = [median(values) for values in found.values()]
    below = [middle - min(values) for middle, values in zip(middles, found.values(), strict=True)]
    above = [max(values) - middle for middle, values in zip(middles, found.values(), strict=True)]
    figure = Figure(figsize=(6.5, 0.5 + 0.35 * len(found)), dpi=90, layout="constrained")
    axes = figure.add_subplot()
    axes.barh(list(found), middles, xerr=(below, above), capsize=3, color="#4477aa")
    axes.invert_yaxis()
    axes.set_xlabel("answers a second, one 28×28 PNG a request")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file)
