"""How workers share the connections: whoever has the most of them leaves the next ones to others.

All wait on the same listeners, and the first to wake takes what has come: four clients that keep their connections may
all have met one worker, and the other cores nothing to do.
"""

import mmap

_NONE = -1


class Balance:
    """How many connections each worker has, and whether it can answer; made in the parent, and shared by all."""

    def __init__(self, seats: int) -> None:
        """A seat for each worker that lives, those that are being replaced among them."""
        self._counts = memoryview(mmap.mmap(-1, seats * 4)).cast("i")
        for seat in range(seats):
            self._counts[seat] = _NONE
        self._ready = mmap.mmap(-1, seats)
        self._free = set(range(seats))

    def take_seat(self) -> int:
        """In the parent: the number of a worker to be. Where there are too few, the last is shared."""
        seat = min(self._free, default=len(self._counts) - 1)
        self._free.discard(seat)
        return seat

    def free(self, seat: int) -> None:
        """In the parent: its worker is dead."""
        self.leave(seat)
        self._free.add(seat)

    def tell(self, seat: int, connections: int) -> None:
        """How many a worker has now."""
        self._counts[seat] = connections

    def leave(self, seat: int) -> None:
        """A worker takes no more."""
        self._counts[seat] = _NONE
        self._ready[seat] = False

    def tell_ready(self, seat: int, is_ready: bool) -> None:
        """Whether a worker that takes connections can answer for every model."""
        self._ready[seat] = is_ready

    def has_ready(self) -> bool:
        """Whether some worker takes connections and can answer for every model."""
        return any(self._ready[:])

    def is_far_ahead(self, seat: int, connections: int) -> bool:
        """Whether it has two more than another worker, and more than twice as many."""
        others = self._counts.tolist()
        others[seat] = _NONE
        least = min((other for other in others if other != _NONE), default=connections)
        return connections >= max(least + 2, 2 * least + 1)

    def left_to_others(self, seat: int, connections: int) -> int:
        """How many a worker that has so many is to leave to those that have fewer, until they have as many."""
        others = self._counts.tolist()
        others[seat] = _NONE
        return sum(connections - other for other in others if _NONE < other < connections)
