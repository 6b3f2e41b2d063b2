"""Which requests the worker's loop answers itself: small ones, for which a thread costs more than it saves."""

import time
from collections.abc import Callable

from service.server.connection import Connection

_MOST_BYTES = 4096
# Of a thread's own work, and in all, with other threads' that it waits for: nobody else is looked after meanwhile.
_LONGEST_WORK_S, _LONGEST_S = 0.005, 0.02
# A few bytes can be a picture of millions of pixels; whoever sends such must not hold up everyone again and again.
_DOUBT_S = 20.0
_MOST_PATHS = 1000

Answer = Callable[[Connection], bool]


class Quick:
    """Learns from the answers: a path is quick if the last small request to it was."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._doubts_until = 0.0

    def expects(self, connection: Connection) -> bool:
        """Whether its request, which must be whole, will be answered within a few milliseconds."""
        return _path(connection) in self._paths and _is_small(connection) and time.monotonic() >= self._doubts_until

    def in_thread(self, connection: Connection, answer: Answer) -> bool:
        """Answers a request of which that is not known yet."""
        is_small = _is_small(connection)
        goes_on, is_quick = _timed(connection, answer)
        if is_small:
            self._learn(_path(connection), is_quick)
        return goes_on

    def in_loop(self, connection: Connection, answer: Answer) -> bool:
        """Answers one that is expected to be quick; where it is not, no other is for a while."""
        goes_on, is_quick = _timed(connection, answer)
        if not is_quick:
            self._learn(_path(connection), is_quick)
            self._doubts_until = time.monotonic() + _DOUBT_S
        return goes_on

    def _learn(self, path: str, is_quick: bool) -> None:
        if not is_quick:
            self._paths.discard(path)
            return
        if len(self._paths) >= _MOST_PATHS:  # they are the callers', and without number
            self._paths.clear()
        self._paths.add(path)


def _timed(connection: Connection, answer: Answer) -> tuple[bool, bool]:
    """Whether the connection goes on, and whether the answer was quick."""
    began, worked = time.monotonic(), time.thread_time()
    goes_on = answer(connection)
    is_quick = time.thread_time() - worked <= _LONGEST_WORK_S and time.monotonic() - began <= _LONGEST_S
    return goes_on, is_quick


def _path(connection: Connection) -> str:
    return str(connection.request.path) if connection.request else ""


def _is_small(connection: Connection) -> bool:
    return connection.held <= _MOST_BYTES
