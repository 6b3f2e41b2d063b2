"""gunicorn's worker class: uvicorn's worker, with a stop and a reload that lose no request."""

import asyncio
import logging
import signal
import sys
import time
from functools import partial
from types import MethodType
from typing import Any, ClassVar

from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from service import startup
from service.asgi import Application
from service.protocol import GRACE_S, BoundedProtocol, Connections, has_waiting
from service.settings import read_settings
from service.worker_states import WorkerStates

_RETRY_LOADING_S = 1.0
_CHECK_S = 0.1
# Turns of the event loop in which connections are accepted before the listeners close.
_MAX_ACCEPT_TURNS = 1000


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
        """Serves on for as long as others need it, then has uvicorn finish what is accepted."""
        try:
            await self._drain()
            await self._stop_listening(server)
        finally:
            server.handle_exit(signal.SIGTERM, None)

    async def _drain(self) -> None:
        """Waits until a successor is ready, or for the drain delay; then each connection ends with its answer."""
        application: Application = self.wsgi
        if self.states.is_replaced(self.age):
            while self.states.awaits_successor(self.age):
                await asyncio.sleep(_CHECK_S)
        else:
            application.stopping = True
            await asyncio.sleep(self._settings.drain_delay_s)
        application.closing = True
        await asyncio.sleep(GRACE_S)

    async def _stop_listening(self, server: Server) -> None:
        """Closes the listeners while no connection waits in their queues: the kernel would reset it."""
        for _ in range(_MAX_ACCEPT_TURNS):
            if not any(map(has_waiting, self.sockets)):
                break
            await asyncio.sleep(0)
        for listener in server.servers:
            listener.close()


def _quit(server: Server) -> None:
    """Stops at once, without waiting for connections; uvicorn takes the second SIGINT for that."""
    for _ in range(2):
        server.handle_exit(signal.SIGINT, None)
