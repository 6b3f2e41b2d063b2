"""Threads for one kind of request, and the line of those that have none yet."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from service.server.connection import Connection


class Lane:
    """What is in hand of one kind: first come, first served; used by the worker's loop only.

    The line is in front of the threads, not in them: each further thread that takes its turn at the interpreter and at
    the processor's caches makes every request dearer.
    """

    def __init__(self, pool: ThreadPoolExecutor, threads: int, most: int) -> None:
        """`pool` has so many `threads`, and no other work; at most so many requests are in hand at once."""
        self._pool, self._threads, self._most = pool, threads, max(threads, most)
        self._in_hand: dict[Connection, Future[bool]] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in hand."""
        return not self._in_hand

    @property
    def waiting(self) -> int:
        """How many have no thread yet."""
        return max(0, len(self._in_hand) - self._threads)

    def has_room(self) -> bool:
        """Whether one more can be taken."""
        return len(self._in_hand) < self._most

    def take(self, connection: Connection, answer: Callable[[], bool]) -> "Future[bool]":
        """Has a thread call `answer` when it is this connection's turn, which may be given up until then."""
        future = self._in_hand[connection] = self._pool.submit(answer)
        return future

    def let_go(self, connection: Connection) -> None:
        """Its request is answered, or given up."""
        del self._in_hand[connection]

    def close(self) -> None:
        """Begins no more; what threads have is answered."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def give_up_late(self, now: float) -> None:
        """Cancels those that have no thread yet and whose time is over."""
        for connection, future in self._in_hand.items():
            if connection.expires <= now:
                future.cancel()  # does nothing where a thread has begun
