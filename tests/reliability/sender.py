"""Requests as fast as they are answered, or at fixed times; one thread, raw sockets, every answer accounted for."""

import selectors
import socket
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from typing import NamedTuple

_ANSWER_WITHIN_S = 30.0
_END_OF_CHUNKS = b"0\r\n\r\n"
_LENGTH = b"content-length: "
UNANSWERED = "unanswered"


class Load(NamedTuple):
    """Where the requests go and what each holds."""

    host: str
    port: int
    path: str
    body: bytes
    content_type: str = "image/png"

    def request(self, keep: bool) -> bytes:
        """One whole request."""
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {self.host}", f"Content-Type: {self.content_type}"]
        lines += [f"Content-Length: {len(self.body)}"] + ([] if keep else ["Connection: close"])
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class Connection:
    """A socket, and the request that waits for its answer on it."""

    def __init__(self, load: Load) -> None:
        self.socket = socket.create_connection((load.host, load.port), timeout=_ANSWER_WITHIN_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.intended, self.keep, self.busy = 0.0, True, False
        self._answer = b""

    def send(self, request: bytes, intended: float, keep: bool) -> None:
        """Sends a whole request; one that does not fit the socket's buffer holds the sender up while it leaves."""
        self.intended, self.keep, self.busy, self._answer = intended, keep, True, b""
        self.socket.sendall(request)

    def read(self) -> str | None:
        """The status of an answer that is whole, None for one that is not yet, or what went wrong."""
        try:
            data = self.socket.recv(65536)
        except OSError as error:
            return type(error).__name__
        if not data:
            return "closed"
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end or not _is_whole(lowered := head.lower(), body):
            return None
        self.keep = self.keep and b"connection: close" not in lowered
        return head.split(None, 2)[1].decode()


def _is_whole(head: bytes, body: bytes) -> bool:
    length = head.partition(_LENGTH)[2].partition(b"\r")[0]
    return len(body) >= int(length) if length else body.endswith(_END_OF_CHUNKS)


class Sender:
    """Sends requests and counts what comes back, all in one thread, over at most so many connections."""

    def __init__(self, load: Load, most: int, patience_s: float = _ANSWER_WITHIN_S) -> None:
        """`patience_s` is how long answers are waited for after the last request was due."""
        self._requests = {keep: load.request(keep) for keep in (True, False)}
        self._load, self._most, self._patience_s = load, most, patience_s
        self._selector = selectors.DefaultSelector()
        self._idle: list[Connection] = []
        self.open = 0
        self.due: deque[tuple[float, bool]] = deque()
        self.statuses: Counter[str] = Counter()
        self.times: defaultdict[str, list[float]] = defaultdict(list)

    def turn(self, wait_s: float) -> int:
        """Sends what is due, and reads what comes within `wait_s`; the number of answers."""
        while self.due and (self._idle or self.open < self._most):
            self._send(*self.due.popleft())
        answers = [self._read(key.data) for key, _ in self._selector.select(wait_s)]
        return sum(answers)

    def _send(self, intended: float, keep: bool) -> None:
        try:
            connection = self._idle.pop() if self._idle and keep else self._connect()
        except OSError as error:
            self._note(type(error).__name__, intended)
            return
        try:
            connection.send(self._requests[keep], intended, keep)
        except OSError as error:
            self._note(type(error).__name__, intended)
            self._drop(connection)

    def _connect(self) -> Connection:
        connection = Connection(self._load)
        self.open += 1
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        return connection

    def _read(self, connection: Connection) -> bool:
        status = connection.read()
        if status is None:
            return False
        if not connection.busy:
            self._idle.remove(connection)
            self._drop(connection)
            return False
        connection.busy = False
        self._note(status, connection.intended)
        if connection.keep and status.isdecimal():
            self._idle.append(connection)
        else:
            self._drop(connection)
        return True

    def _note(self, status: str, intended: float) -> None:
        self.statuses[status] += 1
        self.times[status].append(time.perf_counter() - intended)

    def _drop(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self.open -= 1

    def close(self) -> None:
        """Ends all connections, once what was sent is answered; what is not by then counts with the time it waited."""
        ends = time.perf_counter() + self._patience_s
        while (self.due or self.open > len(self._idle)) and time.perf_counter() < ends:
            self.turn(0.1)
        for key in list(self._selector.get_map().values()):
            if key.data.busy:
                self._note(UNANSWERED, key.data.intended)
            key.data.socket.close()
        for intended, _ in self.due:
            self._note(UNANSWERED, intended)
        self._selector.close()


def closed_loop(load: Load, connections: int, seconds: float) -> Sender:
    """Each connection sends its next request when the last one is answered."""
    sender, ends = Sender(load, connections), time.perf_counter() + seconds
    sender.due.extend([(time.perf_counter(), True)] * connections)
    while time.perf_counter() < ends:
        sender.due.extend([(time.perf_counter(), True)] * sender.turn(0.1))
    sender.due.clear()
    sender.close()
    return sender


def open_loop(
    load: Load, rate: float, seconds: float, fresh: float, most: int, patience_s: float = _ANSWER_WITHIN_S
) -> Sender:
    """Requests at their times, kept whether or not earlier ones were answered; each is timed from its own.

    A share `fresh` of them goes over connections of their own, spread evenly.
    """
    sender, number = Sender(load, most, patience_s), int(rate * seconds)
    arrive(sender, rate, fresh, lambda sent: sent < number)
    sender.close()
    return sender


def arrive(sender: Sender, rate: float, fresh: float, goes_on: Callable[[int], bool]) -> int:
    """An open loop for as long as `goes_on`, asked with the number of requests that were due so far; that number."""
    sent, started = 0, time.perf_counter()
    while goes_on(sent):
        while goes_on(sent) and (intended := started + sent / rate) <= time.perf_counter():
            sender.due.append((intended, int((sent + 1) * fresh) == int(sent * fresh)))
            sent += 1
        sender.turn(max(0.0, min(0.01, started + sent / rate - time.perf_counter())))
    return sent
