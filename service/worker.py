"""gunicorn's worker class: uvicorn's worker, with limits on heads and connections and a stop that loses no request."""

import asyncio
import logging
import mmap
import select
import signal
import socket
import struct
import sys
import time
from functools import partial
from types import MethodType
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from service import startup
from service.asgi import Application
from service.errors import Fault, HeadTooLarge, RequestTimeout
from service.settings import Settings, read_settings

# Of request line and headers together.
_MAX_HEAD_BYTES = 64 * 1024
# Connections are open and listened for this long after a stop has begun: their requests may be on the way.
_GRACE_S = 0.5
_RETRY_LOADING_S = 1.0
_CHECK_S = 0.1


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
        self.loop.call_later(_GRACE_S, super().shutdown)

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


class Worker(UvicornWorker):  # type: ignore[misc, unused-ignore]
    """A worker process; `states` is set by gunicorn.conf.py before the fork."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "auto",
        "ws": "none",
        "lifespan": "on",
        "interface": "asgi3",
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
    }
    states: WorkerStates
    sockets: list[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._settings = read_settings()
        super().__init__(*args, **kwargs)
        limits = Connections(self.cfg.worker_connections, self._settings)
        self.config.http = partial(BoundedProtocol, limits)
        self.config.timeout_graceful_shutdown = self._settings.drain_timeout_s
        self._stop_task: asyncio.Task[None] | None = None
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)

    def init_process(self) -> None:
        """Starts the worker; another one is tried if it fails.

        If one of the first workers fails, gunicorn ends the service. Later the others must serve on.
        """
        try:
            super().init_process()
        except Exception:
            if self.booted or self.age <= self.cfg.workers:
                raise
            self.log.exception("the worker could not start; another one is tried in %g s", _RETRY_LOADING_S)
            time.sleep(_RETRY_LOADING_S)
            sys.exit(1)

    def init_signals(self) -> None:
        """Has signals end the process in order while it loads, and once uvicorn has stopped."""
        super().init_signals()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))

    def run(self) -> None:
        """Loads the models, then serves; uvicorn's server runs the event loop."""
        application: Application = self.wsgi
        self._load(application)
        if self.age == 1:
            startup.log_startup(application.registry, self._settings)
        application.on_startup = self._on_startup
        # gunicorn's objects around the sockets log an error where uvloop has closed the file descriptor.
        self.sockets = [listener.sock for listener in self.sockets]
        super().run()

    def _load(self, application: Application) -> None:
        """Loads the models; a worker that lacks one waits while another can answer, and accepts no connection."""
        application.registry.load()
        while application.registry.unready() and self.states.another_is_ready(self.age):
            self.notify()
            time.sleep(_RETRY_LOADING_S)
            application.registry.load()

    def _on_startup(self) -> None:
        """Puts a stop that loses no request before uvicorn's own."""
        loop = asyncio.get_running_loop()
        handler = signal.getsignal(signal.SIGTERM)
        assert isinstance(handler, MethodType) and isinstance(handler.__self__, Server)
        loop.add_signal_handler(signal.SIGTERM, self._begin_stop, handler.__self__)
        loop.add_signal_handler(signal.SIGQUIT, _quit, handler.__self__)
        self._ready_task = loop.create_task(self._report_ready())

    async def _report_ready(self) -> None:
        while True:
            self.states.set_ready(self.age, self.wsgi.unready() is None)
            await asyncio.sleep(_CHECK_S)

    def _begin_stop(self, server: Server) -> None:
        # gunicorn repeats the signal to a worker that is replaced.
        if self._stop_task is None:
            self._stop_task = asyncio.get_running_loop().create_task(self._stop(server))

    async def _stop(self, server: Server) -> None:
        """Serves on until a successor is ready, or for the drain delay; then has uvicorn finish what is accepted."""
        application: Application = self.wsgi
        if self.states.is_replaced(self.age):
            while self.states.awaits_successor(self.age):
                await asyncio.sleep(_CHECK_S)
        else:
            application.stopping = True
            await asyncio.sleep(self._settings.drain_delay_s)
        application.closing = True
        await asyncio.sleep(_GRACE_S)
        await self._stop_listening(server)
        server.handle_exit(signal.SIGTERM, None)

    async def _stop_listening(self, server: Server) -> None:
        """Closes the listeners while no connection waits in their queues: the kernel would reset it."""
        while select.select(self.sockets, (), (), 0)[0]:
            await asyncio.sleep(0)
        for listener in server.servers:
            listener.close()


def _quit(server: Server) -> None:
    """Stops at once, without waiting for connections; uvicorn takes the second SIGINT for that."""
    for _ in range(2):
        server.handle_exit(signal.SIGINT, None)
