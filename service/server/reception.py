"""Where connections wait, requests come in, and what cannot be served is turned away; never blocks."""

import contextlib
import errno
import logging
import resource
import socket
import time
from collections.abc import Callable
from selectors import BaseSelector

from gunicorn.config import Config
from gunicorn.http import Request
from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER

from service.api.door import Door
from service.api.probes import PROBES
from service.server.chunks import CutTooSmall
from service.server.connection import MOST_HEAD_BYTES, Connection, HeadTooLong, Phase
from service.server.waiting import Waiting
from service.settings import Settings

_log = logging.getLogger(__name__)
# What of a request line tells a probe, so that it is looked at first.
_PROBES = tuple(f"GET {path}".encode() for path in PROBES)
_CLOSE_WITHIN_S = 2.0
_WORK_S = 0.002
_PASSED_OVER_AT_ONCE = 2**20
_DISPENSABLE_AFTER_S = 1.0
# What a worker has open besides its connections, and may have to open to answer them.
_OWN_FILES = 64


class Reception:
    """All connections of a worker, but for the time that one is lent to whoever answers it."""

    def __init__(
        self, cfg: Config, settings: Settings, door: Door, selector: BaseSelector, serve: Callable[[Connection], bool]
    ) -> None:
        self._cfg, self._settings, self._door, self._serve = cfg, settings, door, serve
        self._waiting = Waiting(selector)
        # What was read and not looked at yet, in the order it came.
        self._come: dict[Connection, bytes] = {}
        self._is_last_call = False
        self._most = _most_connections(cfg.worker_connections)
        self.open = 0
        """Connections that are not closed, those that are lent among them."""

    @property
    def behind(self) -> int:
        """How many connections have sent something that was not looked at yet."""
        return len(self._come)

    def accept(self, listener: socket.socket) -> bool:
        """Takes a new connection if there is one."""
        try:
            sock, client = listener.accept()
        except ConnectionAbortedError:
            return True
        except BlockingIOError:
            return False
        except OSError as error:
            # Of others the system says that they pass: what is pending on a network, memory that is short (accept(2)).
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._drop_slowest()
            return False
        self.open += 1
        connection = Connection(self._cfg, sock, client, listener.getsockname())
        connection.wait(self._settings.head_timeout_s)
        try:
            self._waiting.add(connection, self._on_readable)
        except OSError:
            self._drop(connection)
            return False
        # Who waited to be accepted has sent its request already: else it would wait for another turn of the loop.
        self._on_readable(connection)
        return True

    @property
    def has_room(self) -> bool:
        """Whether one more connection can be taken."""
        return self.open < self._most

    def make_room(self) -> bool:
        """Whether one more can be taken, now if need be in place of one that has let us wait for long."""
        if not self.has_room:
            self._drop_slowest()
        return self.has_room

    def _drop_slowest(self) -> None:
        slowest = self._waiting.slowest(_DISPENSABLE_AFTER_S, but=self._come)
        if slowest is None:
            return
        if slowest.phase is Phase.BODY:
            with contextlib.suppress(OSError):
                slowest.outgoing.sendall(self._door.full(slowest.request, keep=False))
        self._drop(slowest)

    def work_off(self) -> None:
        """Looks at what has come, for a bounded time: then new connections and probes are looked for again."""
        ends = time.monotonic() + _WORK_S
        while self._come and time.monotonic() < ends:
            connection = next(iter(self._come))
            self._take(connection, self._come.pop(connection))

    def end_late(self) -> None:
        """Ends the connections whose time is over."""
        for connection in self._waiting.late(time.monotonic()):
            if connection not in self._come:
                self._end(connection)

    def last_call(self) -> None:
        """From now on a connection is closed after its request, or soon if it begins none."""
        self._is_last_call = True
        self._waiting.shorten(time.monotonic() + STOP_KEEPALIVE_LINGER)

    def take_back(self, connection: Connection, goes_on: bool) -> None:
        """After it was answered: waits until the client has that, then for the next request, or closes."""
        if connection.outgoing.kept:
            self._wait_for_reader(connection, goes_on)
            return
        if not goes_on:
            self._close(connection)
            return
        come = connection.begin()
        connection.wait(STOP_KEEPALIVE_LINGER if self._is_last_call else self._cfg.keepalive)
        try:
            self._waiting.add(connection, self._on_readable)
        except OSError:
            self._drop(connection)
            return
        if come:
            self._come[connection] = come

    def _wait_for_reader(self, connection: Connection, goes_on: bool) -> None:
        connection.phase = Phase.ANSWER
        connection.wait(self._settings.answer_timeout_s)
        try:
            self._waiting.add_for_answer(connection, lambda _: self._on_writable(connection, goes_on))
        except (OSError, ValueError):  # ValueError: closed by gunicorn already
            self._drop(connection)
            return
        if self._waiting.held > self._settings.max_held_bytes:
            self._drop(connection)

    def _on_writable(self, connection: Connection, goes_on: bool) -> None:
        if connection not in self._waiting:
            return  # dropped in the same turn of the loop
        try:
            is_taken = connection.outgoing.send_kept()
        except OSError:
            self._drop(connection)
            return
        if is_taken:
            self._waiting.forget(connection)
            self.take_back(connection, goes_on)
        else:
            self._waiting.count(connection)

    # Arrival

    def _on_readable(self, connection: Connection) -> None:
        if connection in self._come:
            return
        try:
            data = connection.receive()
        except OSError:  # a reset: nobody is there to read an answer
            self._drop(connection)
            return
        if data is None:
            return
        # Who leaves makes room, and counts no more among those that the worker has.
        if not data or (connection.phase is Phase.IDLE and data.startswith(_PROBES)):
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
        except Exception:  # one client must not end the worker for all others
            _log.exception("a request could not be read")
            self._drop(connection)

    def _on_end_of_stream(self, connection: Connection) -> None:
        # Whoever has sent part of a body may still read that it was not all; of others there is nobody.
        if connection.phase is Phase.BODY:
            self._answer_last(connection, self._door.cut(connection.request))
        else:
            self._drop(connection)

    def _feed(self, connection: Connection, data: bytes) -> None:
        phase = connection.phase
        try:
            is_ready = connection.feed(data, self._settings.max_request_bytes)
        except HeadTooLong:
            self._answer_last(connection, self._door.long(MOST_HEAD_BYTES))
            return
        except CutTooSmall:
            self._answer_last(connection, self._door.cut_too_small(connection.request))
            return
        self._waiting.count(connection)
        if connection.phase is not phase and not is_ready:
            connection.wait(self._allowed_s(connection.phase))
        fits = self._waiting.held <= self._settings.max_held_bytes or self._drop_largest(connection)
        if is_ready:
            self._hand_over(connection, fits)
        elif not fits:
            self._answer_last(connection, self._door.full(connection.request, keep=False))

    def _drop_largest(self, connection: Connection) -> bool:
        """Turns away, of the others that have let us wait for long, the one with the largest body, if there is one.

        Few who never end what they send must not shut out everyone.
        """
        largest = self._waiting.largest(_DISPENSABLE_AFTER_S, but=connection)
        if largest is not None:
            self._answer_last(largest, self._door.full(largest.request, keep=False))
        return largest is not None

    def _hand_over(self, connection: Connection, fits: bool) -> None:
        if not (fits and self._serve(connection)):
            self._turn_away(connection, self._door.full)

    def lend(self, connection: Connection) -> None:
        """Until it is taken back, somebody else answers its request."""
        self._waiting.lend(connection)

    def _allowed_s(self, phase: Phase) -> float:
        return self._settings.body_timeout_s if phase is Phase.BODY else self._settings.head_timeout_s

    # The end of a request or a connection

    def refuse_late(self, connection: Connection) -> None:
        """Answers a request whose time was over before there was a thread for it."""
        try:
            self._turn_away(connection, self._door.late)
        except OSError:  # a reset: nobody is there to read an answer
            self._drop(connection)

    def _turn_away(self, connection: Connection, answering: Callable[[Request | None, bool], bytes]) -> None:
        request = connection.request
        keep = not (self._is_last_call or request is None or request.should_close())
        answer = answering(request, keep)
        if keep:
            connection.outgoing.sendall(answer)
            self.take_back(connection, pass_over_body(connection))
        else:
            self._answer_last(connection, answer)

    def _answer_last(self, connection: Connection, answer: bytes) -> None:
        with contextlib.suppress(OSError):
            connection.outgoing.sendall(answer)
        self.take_back(connection, goes_on=False)

    def _close(self, connection: Connection) -> None:
        """Ends our side and waits for the client's end: unread bytes would take our last answer with them."""
        self._waiting.remove(connection)
        connection.begin()
        connection.phase = Phase.CLOSING
        connection.wait(_CLOSE_WITHIN_S)
        try:
            connection.sock.shutdown(socket.SHUT_WR)
            self._waiting.add(connection, self._on_readable)
        except (OSError, ValueError):  # ValueError: closed by gunicorn already
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._waiting.forget(connection)
        self._come.pop(connection, None)
        self.open -= 1
        connection.close()

    def _end(self, connection: Connection) -> None:
        if connection.phase in (Phase.HEAD, Phase.BODY):
            part = connection.phase.value
            self._answer_last(connection, self._door.slow(connection.request, part, self._allowed_s(connection.phase)))
        else:
            self._drop(connection)


def pass_over_body(connection: Connection) -> bool:
    """Leaves behind what was not read of a body, which has arrived; whether the next request can be found after it."""
    try:
        # gunicorn reads it by the KiB, and copies the rest of a piece each time: seconds for a large body.
        while connection.request is not None and connection.request.body.read(_PASSED_OVER_AT_ONCE):
            pass
        return bool(connection.parser.finish_body())
    except (ParseException, OSError):  # OSError: there is less of it than was said
        return False


def _most_connections(configured: int) -> int:
    """As many as are configured, if the process may have so many files open: an answer must not lack one."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return configured if allowed == resource.RLIM_INFINITY else max(1, min(configured, allowed - _OWN_FILES))
