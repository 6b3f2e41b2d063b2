"""Many measurements as few numbers."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

SHARES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}


class Spread(NamedTuple):
    """The median of some rounds, the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """That of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """The usual percentiles, in milliseconds."""
    ordered = sorted(seconds)
    return {f"{name}_ms": percentile(ordered, share) * 1000 for name, share in SHARES.items()}


def rates_to_try(rates: Sequence[float], carried: float) -> list[float]:
    """The arrival rates up to what is carried, and those above it up to the first that is beyond doubt too much."""
    ordered = sorted(rates)
    surplus = [rate for rate in ordered if rate >= 1.25 * carried]
    return [rate for rate in ordered if rate < 1.25 * carried] + surplus[:1]
