"""The comparison as figures."""

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.contenders import OURS
from benchmarks.figures import Spread
from benchmarks.results import Measurement, Results

_WIDTH, _OURS_COLOUR, _THEIRS_COLOUR = 8.0, "#0b6e4f", "#8a8f98"


def throughput(found: Results, workload: str, connections: int, title: str, path: Path) -> None:
    """Answers a second of each contender: the median as a bar, the rounds' extremes as a line."""
    spreads = {
        name: Spread.of([one.per_second for one in measured])
        for name in found.contenders
        if (measured := found.of(name, workload, connections))
    }
    names = sorted(spreads, key=lambda name: spreads[name].median)
    with matplotlib.rc_context({"svg.hashsalt": "squint"}):
        figure = Figure(figsize=(_WIDTH, 0.45 * len(names) + 1), layout="constrained")
        axes = figure.subplots()
        for row, name in enumerate(names):
            _bar(axes, row, spreads[name], _OURS_COLOUR if name == OURS else _THEIRS_COLOUR)
        axes.set_yticks(range(len(names)), [found.contenders[name].title for name in names])
        axes.set_xlabel("answers a second")
        axes.set_title(title)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.12)
        figure.savefig(path, dpi=110)


def _bar(axes: Axes, row: int, spread: Spread, colour: str) -> None:
    errors = [[spread.median - spread.low], [spread.high - spread.median]]
    axes.barh(row, spread.median, xerr=errors, color=colour, ecolor="#333333", capsize=3)
    axes.annotate(f" {spread.median:,.0f}", (spread.high, row), va="center")


def latency(found: Results, path: Path) -> None:
    """Median and 99th percentile against the arrival rate, each request timed from when it was due."""
    figure = Figure(figsize=(_WIDTH, 5.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    for number, name in enumerate(found.contenders):
        rates = sorted({one.rate for one in found.measured if one.contender == name and one.rate})
        for axes, share in ((upper, "p50_ms"), (lower, "p99_ms")):
            _line(axes, found, name, rates, share, number)
    for axes, words in ((upper, "median, ms"), (lower, "99th percentile, ms")):
        axes.set(xscale="log", yscale="log", ylabel=words)
        axes.grid(alpha=0.3)
    lower.set_xlabel("requests due a second")
    figure.legend(*upper.get_legend_handles_labels(), loc="outside right upper", frameon=False)
    figure.savefig(path, dpi=110)


def _line(axes: Axes, found: Results, name: str, rates: list[float], share: str, number: int) -> None:
    kept = [(rate, measured) for rate in rates if (measured := found.of(name, "png", None, rate))]
    if not kept:
        return
    medians = [Spread.of([_of(one, share) for one in measured]).median for _, measured in kept]
    ours = name == OURS
    colour = _OURS_COLOUR if ours else f"C{number}"
    axes.plot(
        [rate for rate, _ in kept], medians, "o-", color=colour, lw=2.4 if ours else 1.2, ms=4,
        label=found.contenders[name].title,
    )  # fmt: skip


def _of(one: Measurement, share: str) -> float:
    return float(getattr(one, share))
