"""Figures as text."""

from collections.abc import Sequence

from benchmarks.figures import Spread


def spread(values: Sequence[float]) -> str:
    """The median, and the lowest and highest in brackets where they differ."""
    if not values:
        return "–"
    found = Spread.of(values)
    median, low, high = (number(value) for value in found)
    return median if low == high else f"{median} ({low}–{high})"


def number(value: float) -> str:
    """Three digits or more."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
