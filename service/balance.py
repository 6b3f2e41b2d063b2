"""How workers share the connections: whoever has the most of them leaves the next one to another.

All wait on the same listeners, and the first to wake takes what has come: four clients that keep their connections may
all have met one worker, and the other cores nothing to do.
"""

import mmap

_SLOTS, _NONE = 64, -1


class Balance:
    """How many connections each worker has; made in the parent before it forks, and shared by all."""

    def __init__(self) -> None:
        self._counts = memoryview(mmap.mmap(-1, _SLOTS * 4)).cast("i")
        for slot in range(_SLOTS):
            self._counts[slot] = _NONE

    def tell(self, worker: int, connections: int) -> None:
        """How many a worker, by its number in the order of their starts, has now."""
        self._counts[worker % _SLOTS] = connections

    def leave(self, worker: int) -> None:
        """A worker takes no more, or has died."""
        self._counts[worker % _SLOTS] = _NONE

    def is_ahead(self, worker: int, connections: int) -> bool:
        """Whether another worker that takes connections has fewer."""
        others = self._counts.tolist()
        others[worker % _SLOTS] = _NONE
        return any(_NONE < other < connections for other in others)
