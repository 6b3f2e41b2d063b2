"""gunicorn's threaded worker, patient with clients and quick with probes.

Its loop collects each request whole before a thread is spent on it, so that slow clients hold none; gives the probes
threads of their own; and turns away itself what finds no thread free.
"""

import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from selectors import EVENT_READ

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from service import listening
from service.api.batch import LATE_S
from service.api.door import Door, door_of
from service.balance import Balance
from service.connection import Connection
from service.reception import PROBES, Reception, pass_over_body
from service.relief import Relief
from service.settings import Settings, read_settings

_PROBE_THREADS = 2
# Several times what a probe's answer takes; the loop does nothing else meanwhile.
_PROBE_FIRST_S = 0.01
_BETWEEN_LOOKS_S = 0.25
# So long another worker, which has fewer connections, has to take the next one: it may be held up.
_LEFT_TO_OTHERS_S = 0.005
# Longer than a packet is under way to most clients and back.
_LAST_ARRIVALS_S = 0.2


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """One worker process."""

    balance: Balance
    """That of all workers; set after the fork."""
    _settings: Settings
    _door: Door
    _reception: Reception
    _probes: ThreadPoolExecutor

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.relief = Relief()
        self._predecessors: list[PatientWorker] = []
        self._probe: Future[bool] | None = None
        self._working = 0
        self._listens = True
        self._looked = 0.0
        self._holds_back_until = 0.0

    def succeed(self, others: Iterable["PatientWorker"]) -> None:
        """In a new worker: names those that it may be there to replace."""
        self._predecessors = list(others)

    def init_process(self) -> None:
        """Prepares the process and runs the loop until the worker is told to stop."""
        self._settings = read_settings()
        # Read many times a request, and each time searched for; it changes no more in this process.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        self._probes = ThreadPoolExecutor(_PROBE_THREADS)
        super().init_process()

    def run(self) -> None:
        """The loop: waits for all clients at once, and leaves to threads only what can be answered."""
        self._door = door_of(self.wsgi)
        self._reception = Reception(self.cfg, self._settings, self._door, self.poller, self._serve)
        self.poller.register(self.method_queue.fileno(), EVENT_READ, self.method_queue.run_callbacks)
        self.set_accept_enabled(True)
        for worker in self._predecessors:
            worker.relief.give()
        while self.alive:
            self._turn()
        self._stop()

    def accept(self, listener: socket.socket) -> None:
        """Takes new connections: one, or where the loop is behind, several, lest they wait once each turn."""
        if not self._is_plain_http():
            super().accept(listener)
            return
        for _ in range(1 + self._reception.behind):
            if self.balance.is_ahead(self.age, self._reception.open):
                self._hold_back()
                return
            if not self._take_one(listener):
                break
        self.set_accept_enabled(self._reception.has_room())

    def _take_one(self, listener: socket.socket) -> bool:
        is_taken = self._reception.has_room() and self._reception.accept(listener)
        self.balance.tell(self.age, self._reception.open)
        return is_taken

    def _hold_back(self) -> None:
        self._holds_back_until = time.monotonic() + _LEFT_TO_OTHERS_S
        self.set_accept_enabled(False)

    def _step_forward(self) -> None:
        """Takes what nobody else has taken meanwhile."""
        self._holds_back_until = 0.0
        for listener in self.sockets:
            self._take_one(listener)
        self.set_accept_enabled(self._reception.has_room())

    def _is_plain_http(self) -> bool:
        """Else gunicorn's own way is taken: the bytes of these are not a request's, or not at first."""
        cfg = self.cfg
        return not cfg.is_ssl and cfg.proxy_protocol == "off" and cfg.http2_cleartext == "off"

    def _turn(self, longest_s: float = _BETWEEN_LOOKS_S) -> None:
        if self._door.batch.is_begun:
            longest_s = min(longest_s, LATE_S)
        if self._holds_back_until:
            longest_s = min(longest_s, _LEFT_TO_OTHERS_S)
        self.wait_for_and_dispatch_events(0 if self._reception.behind else longest_s)
        self._reception.work_off()
        if self._listens:
            self.balance.tell(self.age, self._reception.open)
            if self._holds_back_until and time.monotonic() >= self._holds_back_until:
                self._step_forward()
        self._door.batch.write_if_due()
        self._look()

    def _look(self) -> None:
        """Now and then: tells the parent that all is well, ends what is late, sees whether there is room for more."""
        now = time.monotonic()
        if now < self._looked + _BETWEEN_LOOKS_S:
            return
        self._looked = now
        self.notify()
        self._door.batch.write()
        if not self.is_parent_alive():
            self.alive = False
        self._reception.end_late()
        self.murder_keepalived()
        self.murder_pending()
        if self._listens and not self._holds_back_until:
            self.set_accept_enabled(self.nr_conns < self.worker_connections and self._reception.has_room())

    def _serve(self, connection: Connection) -> bool:
        """Hands a request to a thread, if there is one."""
        if connection.request is not None and connection.request.path in PROBES:
            self._serve_probe(connection)
            return True
        if is_free := self._working < self.cfg.threads:
            self._submit(self.tpool, connection, 1)
        return bool(is_free)

    def _serve_probe(self, connection: Connection) -> None:
        """Stands back for a moment: with each of its calls to a socket the loop would take the interpreter from it.

        Not while one before is still in hand, as where its client does not read the answer.
        """
        before, self._probe = self._probe, self._submit(self._probes, connection, 0)
        if before is None or before.done():
            wait((self._probe,), _PROBE_FIRST_S)

    def _submit(self, pool: ThreadPoolExecutor, connection: Connection, working: int) -> "Future[bool]":
        self._working += working
        future: Future[bool] = pool.submit(self.handle, connection)
        future.add_done_callback(lambda done: self.method_queue.defer(self._finish, connection, done, working))
        return future

    def _finish(self, connection: Connection, future: "Future[bool]", working: int) -> None:
        self._working -= working
        goes_on = not future.cancelled() and not future.exception() and future.result()
        self._reception.take_back(connection, goes_on)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        if isinstance(conn, Connection):
            return keepalive and pass_over_body(conn)
        return bool(super()._keepalive_after(conn, keepalive))

    def _stop(self) -> None:
        """Answers all that was accepted; a worker that is replaced first goes on until another one is there."""
        told = time.monotonic()
        ends = told + self._settings.drain_delay_s + self._settings.drain_timeout_s
        self._door.closing = not self.relief.is_asked
        while self._serves_on(told) and time.monotonic() < ends:
            self._turn()
        if not self.relief.is_asked:
            self._see_last_in()
        self._stop_accepting()
        self._reception.last_call()
        self._cap_keepalive(time.monotonic() + STOP_KEEPALIVE_LINGER)
        while self.nr_conns + self._reception.open > 0 and time.monotonic() < ends:
            self._turn()
        for pool in (self.tpool, self._probes):
            pool.shutdown(wait=False)
        self._door.batch.write()

    def _serves_on(self, told: float) -> bool:
        if self.relief.is_asked:
            return not self.relief.is_given
        return time.monotonic() < told + self._settings.drain_delay_s

    def _see_last_in(self) -> None:
        """Where the whole service stops: lets those in who have begun to connect, and nobody else."""
        self._turn_until(time.monotonic() + _LAST_ARRIVALS_S, self._is_last)
        if self._is_last():
            for listener in self.sockets:
                listening.ignore_newcomers(listener)
            self._turn_until(time.monotonic() + _LAST_ARRIVALS_S)

    def _turn_until(self, ends: float, is_enough: Callable[[], bool] = lambda: False) -> None:
        while not is_enough() and (left_s := ends - time.monotonic()) > 0:
            self._turn(min(left_s, LATE_S))

    def _is_last(self) -> bool:
        """Whether no other worker will listen here: the parent closes its listeners before it stops the workers."""
        return all(listening.is_left_by(self.ppid, listener) for listener in self.sockets)

    def _stop_accepting(self) -> None:
        """Takes over what has connected already: with the last worker's listener it would be lost."""
        self._listens = False
        self.set_accept_enabled(False)
        self.balance.leave(self.age)
        for listener in self.sockets:
            while self._is_plain_http() and self._reception.accept(listener):
                pass
            listener.close()
