"""The connections that the worker's loop waits for, and the bytes they hold."""

import contextlib
import time
from collections.abc import Callable, Container, Iterator
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector

from service.server.connection import Connection, Phase

# The first to go where there are too many.
_DISPENSABLE = (Phase.CLOSING, Phase.HEAD, Phase.IDLE, Phase.ANSWER, Phase.BODY)


class Waiting:
    """Connections in a selector.

    One that is removed, because a thread has it, stays in the selector until it sends something meanwhile: most do not,
    and this saves two calls to the system a request.
    """

    def __init__(self, selector: BaseSelector) -> None:
        self._selector = selector
        self._selected: set[Connection] = set()
        # Each with the bytes that are counted for it.
        self._connections: dict[Connection, int] = {}
        self._lent: dict[Connection, int] = {}
        self.held = 0
        """Bytes of all of them, and of the requests that are in line or in a thread."""

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._connections

    def add(self, connection: Connection, on_readable: Callable[[Connection], None]) -> None:
        """Has `on_readable` called with it when bytes have come. Raises OSError as selectors do."""
        if connection not in self._selected:
            self._select(connection, EVENT_READ, lambda _: self._on_event(connection, on_readable))
        self.held -= self._lent.pop(connection, 0)
        self._connections.setdefault(connection, 0)
        self.count(connection)

    def add_for_answer(self, connection: Connection, on_writable: Callable[[Connection], None]) -> None:
        """Has `on_writable` called with it when its client takes more. Raises OSError, ValueError as selectors do."""
        self.forget(connection)
        self._select(connection, EVENT_WRITE, lambda _: on_writable(connection))
        self._connections[connection] = 0
        self.count(connection)

    def count(self, connection: Connection) -> None:
        """Brings `held` up to date with what a connection holds now."""
        now = connection.held
        self.held += now - self._connections[connection]
        self._connections[connection] = now

    def lend(self, connection: Connection) -> None:
        """Waits for it no longer until it is added again; its bytes count on."""
        self._lent[connection] = self._connections.pop(connection)

    def remove(self, connection: Connection) -> None:
        """Waits for it no longer, if it did."""
        self.held -= self._connections.pop(connection, 0) + self._lent.pop(connection, 0)

    def forget(self, connection: Connection) -> None:
        """Removes it, and takes it out of the selector."""
        self.remove(connection)
        if connection in self._selected:
            self._unselect(connection)

    def late(self, now: float) -> list[Connection]:
        """Those whose time is over."""
        return [connection for connection in self._connections if connection.expires <= now]

    def shorten(self, expires: float) -> None:
        """Ends the time of all that are between requests or in a head."""
        for connection in self._connections:
            if connection.phase in (Phase.IDLE, Phase.HEAD):
                connection.expires = min(connection.expires, expires)

    def slowest(self, seconds: float, but: Container[Connection]) -> Connection | None:
        """The most dispensable of those that have let us wait so long, `but` these; None if there is none."""
        slow = [one for one in self._slow(seconds) if one not in but]
        return min(slow, key=lambda one: _DISPENSABLE.index(one.phase), default=None)

    def largest(self, seconds: float, but: Connection) -> Connection | None:
        """The one with the largest part of a body of those that have let us wait so long; None if there is none."""
        slow = [one for one in self._slow(seconds) if one.phase is Phase.BODY and one is not but]
        return max(slow, key=self._connections.__getitem__, default=None)

    def _slow(self, seconds: float) -> Iterator[Connection]:
        latest = time.monotonic() - seconds
        return (one for one in self._connections if one.since <= latest)

    def _select(self, connection: Connection, events: int, on_event: Callable[[object], None]) -> None:
        number = connection.sock.fileno()
        # Where an answer fails in its middle gunicorn closes the socket in a thread, and its number may come again.
        if number in self._selector.get_map():
            self._selector.unregister(number)
        self._selector.register(number, events, on_event)
        self._selected.add(connection)

    def _unselect(self, connection: Connection) -> None:
        self._selected.remove(connection)
        with contextlib.suppress(KeyError, ValueError):  # see _select
            self._selector.unregister(connection.sock)

    def _on_event(self, connection: Connection, on_readable: Callable[[Connection], None]) -> None:
        if connection in self._connections:
            on_readable(connection)
        elif connection in self._selected:
            self._unselect(connection)
