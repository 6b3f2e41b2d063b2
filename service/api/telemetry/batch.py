"""Observations that are written together: a write to a worker's file costs more than all there is to observe."""

import time
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from threading import Lock

from prometheus_client import Gauge, Histogram

LATE_S = 0.02
"""Observations are written so much later, where somebody asks often enough whether they are due."""


class Batch:
    """What was observed and is not written yet; for any number of threads."""

    def __init__(self) -> None:
        self._seen: deque[tuple[Histogram | Gauge, float]] = deque()
        self._followed: dict[Gauge, Callable[[], float]] = {}
        self._writing = Lock()
        self._written = 0.0

    def observe(self, histogram: Histogram, value: float) -> None:
        """Remembers one value of a histogram that has its labels."""
        self._seen.append((histogram, value))

    def set(self, gauge: Gauge, value: float) -> None:
        """Remembers what a gauge that has its labels is now."""
        self._seen.append((gauge, value))

    def follow(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Has the gauge, each time that anything is written, set to what it is then."""
        self._followed[gauge] = value

    @property
    def is_begun(self) -> bool:
        """Whether anything waits to be written."""
        return bool(self._seen)

    def write_if_due(self) -> None:
        """Writes what waits, if the last time was not just now."""
        if self.is_begun and time.monotonic() >= self._written + LATE_S:
            self.write()

    def write(self) -> None:
        """Writes what waits."""
        with self._writing:
            self._written = time.monotonic()
            values: defaultdict[Histogram | Gauge, list[float]] = defaultdict(list)
            for _ in range(len(self._seen)):
                metric, value = self._seen.popleft()
                values[metric].append(value)
            for metric, seen in values.items():
                if isinstance(metric, Gauge):
                    metric.set(seen[-1])
                else:
                    observe_all(metric, seen)
            for gauge, ask in self._followed.items():
                gauge.set(ask())


def observe_all(histogram: Histogram, values: Sequence[float]) -> None:
    """As `observe` with each of the values, in one write a bucket; prometheus_client has nothing of the kind."""
    if len(values) == 1:
        histogram.observe(values[0])
        return
    histogram._sum.inc(sum(values))
    for index, count in Counter(bisect_left(histogram._upper_bounds, value) for value in values).items():
        histogram._buckets[index].inc(count)
