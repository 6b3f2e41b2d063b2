"""The connections that the worker's loop waits for, and the bytes they hold."""

from collections.abc import Callable
from selectors import EVENT_READ, BaseSelector

from service.connection import Connection, Phase

# The first to go where there are too many.
_DISPENSABLE = (Phase.CLOSING, Phase.HEAD, Phase.IDLE)


class Waiting:
    """Connections in a selector, those that wait longest first."""

    def __init__(self, selector: BaseSelector) -> None:
        self._selector = selector
        # Each with the bytes that are counted for it.
        self._connections: dict[Connection, int] = {}
        self.held = 0

    def __bool__(self) -> bool:
        return bool(self._connections)

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._connections

    def add(self, connection: Connection, on_readable: Callable[[object], None]) -> None:
        """Has the selector's event for this connection carry `on_readable`. Raises OSError as selectors do."""
        self._selector.register(connection.sock, EVENT_READ, on_readable)
        self._connections[connection] = 0
        self.count(connection)

    def count(self, connection: Connection) -> None:
        """Brings `held` up to date with what a connection holds now."""
        self.held += connection.held - self._connections[connection]
        self._connections[connection] = connection.held

    def remove(self, connection: Connection) -> None:
        """Waits for it no longer, if it did."""
        if connection in self._connections:
            self._selector.unregister(connection.sock)
            self.held -= self._connections.pop(connection)

    def late(self, now: float) -> list[Connection]:
        """Those whose time is over."""
        return [connection for connection in self._connections if connection.expires <= now]

    def shorten(self, expires: float) -> None:
        """Ends the time of all that are between requests or in a head."""
        for connection in self._connections:
            if connection.phase in (Phase.IDLE, Phase.HEAD):
                connection.expires = min(connection.expires, expires)

    def dispensable(self) -> Connection | None:
        """The one whose end costs least, None if all are in the middle of a body."""
        by_phase = (one for phase in _DISPENSABLE for one in self._connections if one.phase is phase)
        return next(by_phase, None)
