"""How workers share the connections: whoever has the most of them leaves the next ones to others.

All wait on the same listeners, and the first to wake takes what has come: four clients that keep their connections may
all have met one worker, and the other cores nothing to do.
"""

import mmap

_SLOTS, _NONE = 64, -1


class Balance:
    """How many connections each worker has, and whether it can answer; made in the parent, and shared by all."""

    def __init__(self) -> None:
        self._counts = memoryview(mmap.mmap(-1, _SLOTS * 4)).cast("i")
        for slot in range(_SLOTS):
            self._counts[slot] = _NONE
        self._ready = mmap.mmap(-1, _SLOTS)

    def tell(self, worker: int, connections: int) -> None:
        """How many a worker, by its number in the order of their starts, has now."""
        self._counts[worker % _SLOTS] = connections

    def leave(self, worker: int) -> None:
        """A worker takes no more, or has died."""
        self._counts[worker % _SLOTS] = _NONE
        self._ready[worker % _SLOTS] = False

    def tell_ready(self, worker: int, is_ready: bool) -> None:
        """Whether a worker that takes connections can answer for every model."""
        self._ready[worker % _SLOTS] = is_ready

    def has_ready(self) -> bool:
        """Whether some worker takes connections and can answer for every model."""
        return any(self._ready[:])

    def is_far_ahead(self, worker: int, connections: int) -> bool:
        """Whether it has two more than another worker, and more than twice as many."""
        others = self._counts.tolist()
        others[worker % _SLOTS] = _NONE
        least = min((other for other in others if other != _NONE), default=connections)
        return connections >= max(least + 2, 2 * least + 1)

    def left_to_others(self, worker: int, connections: int) -> int:
        """How many a worker that has so many is to leave to those that have fewer, until they have as many."""
        others = self._counts.tolist()
        others[worker % _SLOTS] = _NONE
        return sum(connections - other for other in others if _NONE < other < connections)
