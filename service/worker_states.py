"""Which workers are ready, known to all of them: none gives way to one that cannot answer."""

import mmap
import struct


class WorkerStates:
    """Which workers there are and which of them are ready, in memory that gunicorn's parent and all workers share.

    Workers are named by their age, gunicorn's count of started workers.
    """

    _STARTING, _READY = 1, 2
    _SLOTS = 4096
    _HEADER = struct.Struct("q")

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self._HEADER.size + self._SLOTS)
        self._last_age = 0

    def add(self, age: int) -> None:
        """Notes a worker that is about to be forked; to be called by the parent."""
        self._last_age = age
        self.set_ready(age, False)

    def set_ready(self, age: int, ready: bool) -> None:
        """Notes whether a worker answers for all models."""
        self._memory[self._place(age)] = self._READY if ready else self._STARTING

    def remove(self, age: int) -> None:
        """Forgets a worker that has ended."""
        self._memory[self._place(age)] = 0

    def replace_all(self) -> None:
        """Notes that all workers there are will be replaced; to be called by the parent."""
        self._HEADER.pack_into(self._memory, 0, self._last_age)

    def is_replaced(self, age: int) -> bool:
        """Whether others take a worker's place, so that the service as a whole goes on."""
        replaced: int = self._HEADER.unpack_from(self._memory, 0)[0]
        return age <= replaced

    def awaits_successor(self, age: int) -> bool:
        """Whether younger workers have been started, and none of them is ready yet."""
        younger = [self._memory[self._place(age + number)] for number in range(1, self._SLOTS // 2)]
        return self._STARTING in younger and self._READY not in younger

    def another_is_ready(self, age: int) -> bool:
        """Whether another worker than this one is ready."""
        others = [self._memory[self._place(age + number)] for number in range(1, self._SLOTS)]
        return self._READY in others

    def _place(self, age: int) -> int:
        return self._HEADER.size + age % self._SLOTS
