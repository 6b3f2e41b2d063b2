"""What was aimed at, and what came of it."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.contenders import OURS
from benchmarks.figures import Spread
from benchmarks.results import Results


class Goal(NamedTuple):
    """A bound on a measured figure; `measured` is None where it could not be."""

    words: str
    bound: float
    at_least: bool
    unit: str
    measured: Spread | None

    @property
    def outcome(self) -> str:
        """Whether the median keeps the bound."""
        if self.measured is None or math.isnan(self.measured.median):
            return "not measured"
        kept = self.measured.median >= self.bound if self.at_least else self.measured.median <= self.bound
        return "reached" if kept else "missed"


def goals(found: Results) -> Iterator[Goal]:
    """All of them, with their figures in this run."""
    for peer, bound in (("litserve", 4.0), ("flask_savedmodel", 2.0), ("flask_litert", 1.0)):
        if peer in found.contenders:
            title = found.contenders[peer].title
            words = f"one 28×28 PNG, 16 connections: answers a second against {title}"
            yield Goal(words, bound, True, "×", _against(found, peer, "png", 16))
    yield Goal("100 pictures a request: share of decoding and inference alone", 0.7, True, "", _of_the_ceiling(found))
    words = "12-megapixel JPEG: answers a second against plain Pillow in the bare app"
    yield Goal(words, 4.0, True, "×", _against(found, "flask_plain", "jpeg", 4))
    starts = [one for one in found.starts if one.contender == OURS]
    if starts:
        memory = Spread.of([one.small_pss_bytes / 1e6 for one in starts])
        yield Goal("memory of 2 workers with all three models (PSS)", 150, False, "MB", memory)
        yield Goal("first answer after the start", 1.5, False, "s", Spread.of([one.first_answer_s for one in starts]))


def _against(found: Results, peer: str, workload: str, connections: int) -> Spread | None:
    return found.ratio(found.of(OURS, workload, connections), found.of(peer, workload, connections))


def _of_the_ceiling(found: Results) -> Spread | None:
    ceilings = dict(enumerate(found.ceiling_per_second))
    best = [
        [one.per_second / ceilings[one.round] for one in found.of(OURS, workload, 4) if one.round in ceilings]
        for workload in ("batch", "batch_multipart")
    ]
    measured = [values for values in best if values]
    return max(map(Spread.of, measured)) if measured else None


def table(found: Results) -> str:
    """As rows of Markdown."""
    rows = ["| goal | bound | measured: median (lowest–highest) | |", "|---|---|---|---|"]
    for goal in goals(found):
        bound = f"{'≥' if goal.at_least else '≤'} {goal.bound:g} {goal.unit}".strip()
        told = "–"
        if goal.measured:
            median, low, high = (f"{value:.3g}" for value in goal.measured)
            told = f"{median} ({low}–{high}) {goal.unit}".strip()
        rows.append(f"| {goal.words} | {bound} | {told} | {goal.outcome} |")
    return "\n".join(rows)
