"""gunicorn's threaded worker, patient with clients and quick with probes.

Its loop collects each request whole before a thread is spent on it, so that slow clients hold none; gives the probes
threads of their own; answers itself what is quick, and turns away what finds the line full.
"""

import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from selectors import EVENT_READ

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from service.api import arrival
from service.api.door import Door, door_of
from service.api.probes import PROBES
from service.api.telemetry.batch import LATE_S
from service.inference.registry import Registry
from service.server import listening
from service.server.balance import Balance
from service.server.connection import Connection
from service.server.entrance import Entrance
from service.server.lane import Lane
from service.server.quick import Quick
from service.server.reception import Reception, pass_over_body
from service.server.relief import Relief
from service.settings import Settings, read_settings

_PROBE_THREADS = 2
_OTHER_THREADS = 4
# Several times what a probe's answer takes; the loop does nothing else meanwhile.
_PROBE_FIRST_S = 0.01
_BETWEEN_LOOKS_S = 0.25
# Longer than a packet is under way to most clients and back.
_LAST_ARRIVALS_S = 0.2


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """One worker process."""

    alive: bool
    balance: Balance
    """That of all workers; set after the fork."""
    seat: int
    """Its own in the balance; set before the fork."""
    _settings: Settings
    _computes_one: bool
    _door: Door
    _reception: Reception
    _entrance: Entrance
    _computing: Lane
    _others: Lane
    _probes: Lane

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.relief = Relief()
        self._predecessors: list[PatientWorker] = []
        self._probe: Future[bool] | None = None
        self._quick = Quick()
        self._looked = 0.0
        self._lets_one_go = False

    def succeed(self, others: Iterable["PatientWorker"]) -> None:
        """In a new worker: names those that it may be there to replace."""
        self._predecessors = list(others)

    def init_process(self) -> None:
        """Prepares the process and runs the loop until the worker is told to stop."""
        self._settings = read_settings()
        # Read many times a request, and each time searched for; it changes no more in this process.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        super().init_process()

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Threads that compute or are about to; where gunicorn's own way is taken, for slow clients too."""
        for_clients = 0 if self._is_plain_http() else self._settings.max_waiting
        return ThreadPoolExecutor(self.cfg.threads + for_clients)

    def run(self) -> None:
        """The loop: waits for all clients at once, and leaves to threads only what can be answered and takes long."""
        self._open_lanes()
        self._door = door_of(self.wsgi)
        self._reception = Reception(self.cfg, self._settings, self._door, self.poller, self._serve)
        self._door.count_waiting(lambda: self._computing.waiting + self._reception.behind)
        self._entrance = Entrance(self.balance, self.seat, self._reception, self.set_accept_enabled)
        self.poller.register(self.method_queue.fileno(), EVENT_READ, self.method_queue.run_callbacks)
        self._begin_if_fit()
        while self.alive:
            self._turn()
        self._stop()

    def _open_lanes(self) -> None:
        self._computes_one = self._settings.computing_threads == 1
        waiting = self._settings.max_waiting
        self._computing = Lane(self.tpool, self.cfg.threads, self._settings.computing_threads + waiting)
        self._others = Lane(ThreadPoolExecutor(_OTHER_THREADS), _OTHER_THREADS, _OTHER_THREADS + waiting)
        self._probes = Lane(ThreadPoolExecutor(_PROBE_THREADS), _PROBE_THREADS, self.worker_connections)

    def _begin_if_fit(self) -> None:
        """Listens, and relieves others, unless it cannot answer and others can: then it stands by until it can."""
        if self._entrance.open_if_fit(self._is_ready()):
            for worker in self._predecessors:
                worker.relief.give()

    def _stand_by_or_not(self) -> None:
        if self._entrance.is_open:
            self._entrance.stay_open_or_not(self._is_ready())
        else:
            self._begin_if_fit()

    def _is_ready(self) -> bool:
        registry: Registry = self.wsgi.extensions["registry"]
        return registry.unready() is None

    def accept(self, listener: socket.socket) -> None:
        """Lets in who waits."""
        if self._is_plain_http():
            self._entrance.admit(listener)
        else:
            super().accept(listener)

    def _is_plain_http(self) -> bool:
        """Else gunicorn's own way is taken: the bytes of these are not a request's, or not at first."""
        cfg = self.cfg
        return not cfg.is_ssl and cfg.proxy_protocol == "off" and cfg.http2_cleartext == "off"

    def _turn(self, longest_s: float = _BETWEEN_LOOKS_S) -> None:
        if self._door.batch.is_begun:
            longest_s = min(longest_s, LATE_S)
        self.wait_for_and_dispatch_events(0 if self._reception.behind else self._entrance.longest_s(longest_s))
        self._reception.work_off()
        self._entrance.look(self.sockets, self._has_room())
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
        if self.alive and not self.is_parent_alive():
            self.alive = False
        self._reception.end_late()
        for lane in (self._computing, self._others):
            lane.give_up_late(now)
        self.murder_keepalived()
        self.murder_pending()
        if self.alive:
            self._stand_by_or_not()
        self._lets_one_go = self._entrance.is_far_ahead()
        self._entrance.try_again(self._has_room())

    def _has_room(self) -> bool:
        return bool(self.nr_conns < self.worker_connections)

    def _serve(self, connection: Connection) -> bool:
        """Answers the request, or has a thread do it when its turn comes; False where too many wait for theirs."""
        request = connection.request
        if request is not None and request.path in PROBES:
            self._serve_probe(connection)
            return True
        lane = self._computing if _may_compute(connection) else self._others
        if lane is self._computing and self._is_quick(connection):
            self._answer_now(connection)
            return True
        if has_room := lane.has_room():
            self._let_go_or_not(connection)
            self._submit(lane, connection)
        return has_room

    def _is_quick(self, connection: Connection) -> bool:
        """Where a worker computes one at a time its loop may do it; if more come than it can answer, they line up."""
        if not self._computes_one or not self._computing.is_idle:
            return False
        return self._reception.behind <= self._settings.max_waiting and self._quick.expects(connection)

    def _answer_now(self, connection: Connection) -> None:
        self._let_go_or_not(connection)
        self._reception.lend(connection)
        self._reception.take_back(connection, self._quick.in_loop(connection, self._answer))

    def _let_go_or_not(self, connection: Connection) -> None:
        """Answers now and then with `Connection: close` where it has far more connections than another worker.

        Clients that keep theirs may have come before that one began: when it connects again, it is left to others.
        """
        if self._lets_one_go and connection.request is not None:
            self._lets_one_go = False
            connection.cut()

    def _serve_probe(self, connection: Connection) -> None:
        """Stands back for a moment: with each of its calls to a socket the loop would take the interpreter from it.

        Not while one before is still in hand: whoever asks for very many must not hold up everyone.
        """
        before, self._probe = self._probe, self._submit(self._probes, connection)
        if before is None or before.done():
            wait((self._probe,), _PROBE_FIRST_S)

    def _submit(self, lane: Lane, connection: Connection) -> "Future[bool]":
        self._reception.lend(connection)
        connection.wait(self._door.patience_s(connection.request))
        future = lane.take(connection, partial(self._answer_in_thread, lane, connection))
        future.add_done_callback(lambda done: self.method_queue.defer(self._finish, lane, connection, done))
        return future

    def _answer_in_thread(self, lane: Lane, connection: Connection) -> bool:
        return self._quick.in_thread(connection, self._answer) if lane is self._computing else self._answer(connection)

    def _answer(self, connection: Connection) -> bool:
        arrival.tell(connection.came)
        return bool(self.handle(connection))

    def _finish(self, lane: Lane, connection: Connection, future: "Future[bool]") -> None:
        lane.let_go(connection)
        if future.cancelled():
            self._reception.refuse_late(connection)
        else:
            self._reception.take_back(connection, not future.exception() and future.result())

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        if isinstance(conn, Connection):
            return keepalive and pass_over_body(conn)
        return bool(super()._keepalive_after(conn, keepalive))

    def _stop(self) -> None:
        """Answers all that was accepted; a worker that is replaced first goes on until another one is there."""
        told = time.monotonic()
        self._door.closing = not self.relief.is_asked
        while self._serves_on(told):
            self._turn()
        ends = time.monotonic() + self._settings.drain_timeout_s
        if not self.relief.is_given:
            self._door.closing = True
            self._see_last_in()
        self._stop_accepting()
        self._reception.last_call()
        self._cap_keepalive(time.monotonic() + STOP_KEEPALIVE_LINGER)
        while self.nr_conns + self._reception.open > 0 and time.monotonic() < ends:
            self._turn()
        for lane in (self._computing, self._others, self._probes):
            lane.close()
        self._door.batch.write()

    def _serves_on(self, told: float) -> bool:
        if self.relief.is_asked:
            # Others may be long in taking its place; where the service ends, nobody will.
            return not (self.relief.is_given or self._is_last())
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
        self._entrance.shut()
        for listener in self.sockets:
            while self._is_plain_http() and self._reception.accept(listener):
                pass
            listener.close()


def _may_compute(connection: Connection) -> bool:
    """Only what is posted, and will not be refused: nothing else waits behind that, or takes its place in line."""
    request = connection.request
    return request is not None and request.method == "POST" and not connection.is_refused
