"""gunicorn's threaded worker, patient with clients and quick with probes.

Its loop collects each request whole before a thread is spent on it, so that slow clients hold none; gives the probes
threads of their own; and turns away itself what finds no thread free.
"""

import contextlib
import mmap
import socket
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from selectors import EVENT_READ

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from service.api.door import Door, door_of
from service.connection import MOST_HEAD_BYTES, Connection, HeadTooLong, Phase
from service.settings import Settings, read_settings
from service.waiting import Waiting

_PROBES = (b"GET /livez", b"GET /readyz", b"GET /metrics", b"GET /v2/health/live", b"GET /v2/health/ready")
_PROBE_PATHS = tuple(probe.decode().removeprefix("GET ") for probe in _PROBES)
_PROBE_THREADS = 2
_CLOSE_WITHIN_S = 2.0
_BETWEEN_LOOKS_S = 0.25
_WORK_S = 0.005
_DISPENSABLE_AFTER_S = 1.0
_REPLACED, _RELIEVED = 1, 2


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """One worker process."""

    _settings: Settings
    _door: Door
    _waiting: Waiting
    _probes: ThreadPoolExecutor

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        # Shared by this worker, its parent and the workers forked later.
        self._relief = mmap.mmap(-1, 1)
        self._predecessors: list[PatientWorker] = []
        # What was read and not looked at yet, in the order it came.
        self._come: dict[Connection, bytes] = {}
        self._working = 0
        self._listens = True
        self._looked = 0.0

    def replace(self) -> None:
        """In the parent, before others are started in its place: this worker will serve on until one of them does."""
        self._relief[0] = _REPLACED

    def succeed(self, others: Iterable["PatientWorker"]) -> None:
        """In a new worker: names those that it may be there to replace."""
        self._predecessors = list(others)

    def init_process(self) -> None:
        """Prepares the process and runs the loop until the worker is told to stop."""
        self._settings = read_settings()
        self._probes = ThreadPoolExecutor(_PROBE_THREADS)
        super().init_process()

    def run(self) -> None:
        """The loop: waits for all clients at once, and leaves to threads only what can be answered."""
        self._door, self._waiting = door_of(self.wsgi), Waiting(self.poller)
        self.poller.register(self.method_queue.fileno(), EVENT_READ, self.method_queue.run_callbacks)
        self.set_accept_enabled(True)
        for worker in self._predecessors:
            worker._relief[0] = worker._relief[0] and _RELIEVED
        while self.alive and self.is_parent_alive():
            self._turn()
        self._stop()

    def accept(self, listener: socket.socket) -> None:
        """Takes new connections: one, or where the loop is behind, several, lest they wait once each turn."""
        if not self._is_plain_http():
            super().accept(listener)
            return
        for _ in range(1 + len(self._come)):
            if not (self._has_room() and self._accept(listener)):
                break
        self.set_accept_enabled(self._has_room())

    def _has_room(self) -> bool:
        """Whether one more connection can be taken, if need be in place of one that has let us wait for long."""
        if self.nr_conns >= self.worker_connections and (slowest := self._waiting.slowest(_DISPENSABLE_AFTER_S)):
            self._drop(slowest)
        return bool(self.nr_conns < self.worker_connections)

    def _is_plain_http(self) -> bool:
        cfg = self.cfg
        return not cfg.is_ssl and cfg.proxy_protocol == "off" and cfg.http2_cleartext == "off"

    def _accept(self, listener: socket.socket) -> bool:
        try:
            sock, client = listener.accept()
        except ConnectionAbortedError:
            return True
        except BlockingIOError:
            return False
        self.nr_conns += 1
        connection = Connection(self.cfg, sock, client, listener.getsockname())
        connection.wait(self._settings.head_timeout_s)
        self._wait_for(connection)
        return True

    def _turn(self) -> None:
        self.wait_for_and_dispatch_events(0 if self._come else _BETWEEN_LOOKS_S)
        self._work_off()
        self._look()

    def _work_off(self) -> None:
        """Feeds what has come, for a bounded time: then new connections and probes are looked for again."""
        ends = time.monotonic() + _WORK_S
        while self._come and time.monotonic() < ends:
            connection = next(iter(self._come))
            self._take(connection, self._come.pop(connection))

    def _look(self) -> None:
        """Now and then: tells the parent that all is well, ends what is late, sees whether there is room for more."""
        now = time.monotonic()
        if now < self._looked + _BETWEEN_LOOKS_S:
            return
        self._looked = now
        self.notify()
        for connection in self._waiting.late(now):
            if connection not in self._come:
                self._end(connection)
        self.murder_keepalived()
        self.murder_pending()
        if self._listens:
            self.set_accept_enabled(self._has_room())

    # Arrival

    def _wait_for(self, connection: Connection) -> None:
        self._waiting.add(connection, self._on_readable)

    def _on_readable(self, connection: Connection) -> None:
        if connection in self._come:
            return
        try:
            data = connection.receive()
        except OSError:
            data = b""
        if data is None:
            return
        if connection.phase is Phase.IDLE and data.startswith(_PROBES):
            self._take(connection, data)
        else:
            self._come[connection] = data

    def _take(self, connection: Connection, data: bytes) -> None:
        try:
            if not data:
                self._on_end_of_stream(connection)
            elif connection.phase is not Phase.CLOSING:
                self._feed(connection, data)
        except OSError:
            self._drop(connection)

    def _on_end_of_stream(self, connection: Connection) -> None:
        # Whoever has sent part of a body may still read that it was not all; of others there is nobody.
        if connection.phase is Phase.BODY:
            connection.cut()
            self._hand_over(connection)
        else:
            self._drop(connection)

    def _feed(self, connection: Connection, data: bytes) -> None:
        phase = connection.phase
        try:
            is_ready = connection.feed(data, self._settings.max_request_bytes)
        except HeadTooLong:
            self._answer_last(connection, self._door.long(MOST_HEAD_BYTES))
            return
        self._waiting.count(connection)
        if is_ready:
            self._hand_over(connection)
        elif self._waiting.held > self._settings.max_held_bytes:
            self._turn_away(connection, keep=False)
        elif connection.phase is not phase:
            connection.wait(self._allowed_s(connection.phase))

    def _allowed_s(self, phase: Phase) -> float:
        return self._settings.body_timeout_s if phase is Phase.BODY else self._settings.head_timeout_s

    # Service

    def _hand_over(self, connection: Connection) -> None:
        request = connection.request
        if request is not None and request.path in _PROBE_PATHS:
            self._submit(self._probes, connection, 0)
        elif self._working < self.cfg.threads:
            self._submit(self.tpool, connection, 1)
        else:
            self._turn_away(connection, keep=self.alive and request is not None and not request.should_close())

    def _submit(self, pool: ThreadPoolExecutor, connection: Connection, working: int) -> None:
        self._waiting.remove(connection)
        self._working += working
        future = pool.submit(self.handle, connection)
        future.add_done_callback(lambda done: self.method_queue.defer(self._finish, connection, done, working))

    def _finish(self, connection: Connection, future: "Future[bool]", working: int) -> None:
        self._working -= working
        if not future.cancelled() and not future.exception() and future.result():
            self._next_request(connection)
        else:
            self._close(connection)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Whether the connection goes on; what the app left unread of a body has arrived, and is passed over."""
        if not isinstance(conn, Connection):
            return bool(super()._keepalive_after(conn, keepalive))
        try:
            return keepalive and bool(conn.parser.finish_body())
        except ParseException:
            return False

    def _turn_away(self, connection: Connection, keep: bool) -> None:
        request = connection.request
        answer = self._door.full(request, keep)
        if not keep:
            self._answer_last(connection, answer)
            return
        connection.sock.send(answer, socket.MSG_DONTWAIT)
        if self._keepalive_after(connection, keep):
            self._next_request(connection)
        else:
            self._close(connection)

    def _answer_last(self, connection: Connection, answer: bytes) -> None:
        with contextlib.suppress(OSError):
            connection.sock.send(answer, socket.MSG_DONTWAIT)
        self._close(connection)

    def _next_request(self, connection: Connection) -> None:
        come = connection.begin()
        connection.wait(self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER)
        try:
            self._wait_for(connection)
        except OSError:
            self._drop(connection)
            return
        if come:
            self._come[connection] = come

    # The end of a connection

    def _close(self, connection: Connection) -> None:
        """Ends our side and waits for the client's end: unread bytes would take our last answer with them."""
        self._waiting.remove(connection)
        connection.begin()
        connection.phase = Phase.CLOSING
        connection.wait(_CLOSE_WITHIN_S)
        try:
            connection.sock.shutdown(socket.SHUT_WR)
            self._wait_for(connection)
        except (OSError, ValueError):  # ValueError: closed by gunicorn already
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._waiting.forget(connection)
        self._come.pop(connection, None)
        self.nr_conns -= 1
        connection.close()

    def _end(self, connection: Connection) -> None:
        if connection.phase in (Phase.HEAD, Phase.BODY):
            part = connection.phase.value
            self._answer_last(connection, self._door.slow(connection.request, part, self._allowed_s(connection.phase)))
        else:
            self._drop(connection)

    # The end of the worker

    def _stop(self) -> None:
        """Answers all that was accepted; a worker that is replaced first goes on until another one is there."""
        told = time.monotonic()
        ends = told + self._settings.drain_delay_s + self._settings.drain_timeout_s
        self._door.closing = not self._relief[0]
        while self._serves_on(told) and time.monotonic() < ends:
            self._turn()
        self._stop_accepting()
        self._waiting.shorten(time.monotonic() + STOP_KEEPALIVE_LINGER)
        self._cap_keepalive(time.monotonic() + STOP_KEEPALIVE_LINGER)
        while self.nr_conns > 0 and time.monotonic() < ends:
            self._turn()
        for pool in (self.tpool, self._probes):
            pool.shutdown(wait=False)

    def _serves_on(self, told: float) -> bool:
        if self._relief[0]:
            return self._relief[0] == _REPLACED
        return time.monotonic() < told + self._settings.drain_delay_s

    def _stop_accepting(self) -> None:
        """Takes over what has connected already: with the last worker's listener it would be lost."""
        self._listens = False
        self.set_accept_enabled(False)
        for listener in self.sockets:
            while self._is_plain_http() and self._accept(listener):
                pass
            listener.close()
