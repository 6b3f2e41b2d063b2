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
from functools import partial
from selectors import EVENT_READ

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from service.api.door import Door, door_of
from service.connection import MOST_HEAD_BYTES, Connection, HeadTooLong, Phase
from service.settings import Settings, read_settings
from service.waiting import Waiting

_PROBES = frozenset({"/livez", "/readyz", "/metrics"})
_PROBE_THREADS = 2
_CLOSE_WITHIN_S = 2.0
_BETWEEN_LOOKS_S = 0.25
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
        self._working = 0
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
        """Takes one new connection, in place of the most dispensable one if there are too many."""
        if self._is_plain_http():
            self._accept(listener)
            if self.nr_conns > self.worker_connections and (victim := self._waiting.dispensable()):
                self._drop(victim)
        else:
            super().accept(listener)

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
        connection.expires = time.monotonic() + self._settings.head_timeout_s
        self._wait_for(connection)
        return True

    def _turn(self) -> None:
        self.notify()
        self.wait_for_and_dispatch_events(_BETWEEN_LOOKS_S)
        if self._accepting:
            # More than the bound come only where none of them can be dispensed with.
            self.set_accept_enabled(self.nr_conns <= self.worker_connections)
        now = time.monotonic()
        if now >= self._looked + _BETWEEN_LOOKS_S:
            self._looked = now
            for connection in self._waiting.late(now):
                self._end(connection)
            self.murder_keepalived()
            self.murder_pending()

    # Arrival

    def _wait_for(self, connection: Connection) -> None:
        self._waiting.add(connection, partial(self._on_readable, connection))

    def _on_readable(self, connection: Connection, _: object) -> None:
        if connection not in self._waiting:
            return  # dropped since the selector looked
        try:
            data = connection.receive()
            if data == b"":
                self._on_end_of_stream(connection)
            elif data and connection.phase is not Phase.CLOSING:
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
            connection.expires = time.monotonic() + self._allowed_s(connection.phase)

    def _allowed_s(self, phase: Phase) -> float:
        return self._settings.body_timeout_s if phase is Phase.BODY else self._settings.head_timeout_s

    # Service

    def _hand_over(self, connection: Connection) -> None:
        request = connection.request
        if request is not None and request.path in _PROBES:
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
        self._waiting.remove(connection)
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
        connection.expires = time.monotonic() + (self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER)
        try:
            self._wait_for(connection)
            if come:
                self._feed(connection, come)
        except OSError:
            self._drop(connection)

    # The end of a connection

    def _close(self, connection: Connection) -> None:
        """Ends our side and waits for the client's end: unread bytes would take our last answer with them."""
        self._waiting.remove(connection)
        connection.begin()
        connection.phase, connection.expires = Phase.CLOSING, time.monotonic() + _CLOSE_WITHIN_S
        try:
            connection.sock.shutdown(socket.SHUT_WR)
            self._wait_for(connection)
        except (OSError, ValueError):  # ValueError: closed by gunicorn already
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._waiting.remove(connection)
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
        self.set_accept_enabled(False)
        for listener in self.sockets:
            while self._is_plain_http() and self._accept(listener):
                pass
            listener.close()
