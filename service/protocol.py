"""uvicorn's HTTP protocol with the limits that uvicorn lacks."""

import asyncio
import select
import socket
import struct
import sys
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.asgi import Application
from service.errors import Fault, HeadTooLarge, RequestTimeout
from service.settings import Settings

# A connection stays open for this long after a stop has begun: its request may be on the way.
GRACE_S = 0.5
# Of request line and headers together.
_MAX_HEAD_BYTES = 64 * 1024
# Where Linux' `struct tcp_info` holds the number of connections in a listener's queue.
_QUEUED = struct.Struct("=24xI")


def has_waiting(listener: socket.socket) -> bool:
    """Whether clients have connected whom nobody has accepted yet."""
    if sys.platform == "linux" and listener.family in (socket.AF_INET, socket.AF_INET6):
        # Unlike `select`, this keeps Python's lock: a close that follows does not wait for a computing thread.
        (queued,) = _QUEUED.unpack(listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _QUEUED.size))
        return bool(queued)
    return bool(select.select([listener], (), (), 0)[0])


class Connections:
    """The limits of a worker's connections, and those of them whose next request is not whole, oldest first."""

    def __init__(self, max_connections: int, settings: Settings) -> None:
        self.max_connections, self.settings = max_connections, settings
        self.incomplete: dict[BoundedProtocol, None] = {}


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with limits on the time and size of a head, on connections, and on unread answers."""

    def __init__(self, limits: Connections, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._limits = limits
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._is_busy = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Makes room for the connection: the one that has kept the worker waiting for longest is closed."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.max_connections and self._limits.incomplete:
            next(iter(self._limits.incomplete)).transport.close()
        self._limits.incomplete[self] = None
        self._start_head()
        if sys.platform == "linux":
            # The kernel closes a connection whose client does not take its answer.
            timeout_ms = round(self._limits.settings.answer_timeout_s * 1000)
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout_ms)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self._stop_head()
        self._limits.incomplete.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bounds time and size of a head."""
        if not self._is_busy and self._head_timer is None:
            self._start_head()
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._refuse(HeadTooLarge(f"request line and headers have more than {_MAX_HEAD_BYTES} bytes together"))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._stop_head()
        self._is_busy = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._limits.incomplete.pop(self, None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The connection waits for its next request, unless that has come already."""
        self._is_busy = bool(self.pipeline)
        if not self.transport.is_closing():
            self._limits.incomplete[self] = None
        super().on_response_complete()

    def shutdown(self) -> None:
        """Closes the connection once it has been idle for a moment: its next request may be on the way."""
        self.loop.call_later(GRACE_S, super().shutdown)

    def _start_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self._limits.settings.head_timeout_s, self._on_slow_head)

    def _stop_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _on_slow_head(self) -> None:
        if self._head_bytes:
            limit_s = self._limits.settings.head_timeout_s
            self._refuse(RequestTimeout(f"the head of the request did not arrive within {limit_s:g} s"))
        else:
            self.transport.close()

    def _refuse(self, fault: Fault) -> None:
        """Answers a client whose head did not come, and closes the connection."""
        self._stop_head()
        if not self.transport.is_closing():
            application: Application = self.config.loaded_app
            self.transport.write(application.refuse_connection(fault))
            self.transport.close()
