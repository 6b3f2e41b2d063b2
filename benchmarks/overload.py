"""`python -m benchmarks.overload URL`: what a running service does when more is asked of it than it can carry.

Open loop: each request has an intended time, kept whether or not earlier ones were answered, and is timed from it. Most
go over kept-alive connections, some over fresh ones. Meanwhile another process asks for the probes. First the load that
the service carries is found in a closed loop; then it gets multiples of that.
"""

import http.client
import json
import multiprocessing
import selectors
import socket
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import NamedTuple
from urllib.parse import urlsplit

import click

PROBES = ("/livez", "/readyz", "/metrics")
_PICTURE = max(Path("models/mnist").glob("*/golden/7.png"))
_PROBE_EVERY_S = 0.02
_ANSWER_WITHIN_S = 30.0


class Load(NamedTuple):
    """Where the requests go and what each holds."""

    host: str
    port: int
    path: str
    picture: bytes

    def request(self, keep: bool) -> bytes:
        """One whole request."""
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {self.host}", "Content-Type: image/png"]
        lines += [f"Content-Length: {len(self.picture)}"] + ([] if keep else ["Connection: close"])
        return "\r\n".join([*lines, "", ""]).encode() + self.picture


class Connection:
    """A socket, and the request that waits for its answer on it."""

    def __init__(self, load: Load) -> None:
        self.socket = socket.create_connection((load.host, load.port), timeout=_ANSWER_WITHIN_S)
        self.socket.setblocking(False)
        self.intended, self.keep = 0.0, True
        self._answer = b""

    def send(self, request: bytes, intended: float, keep: bool) -> None:
        """Sends a whole request, which must fit the socket's buffer."""
        self.intended, self.keep, self._answer = intended, keep, b""
        if self.socket.send(request) < len(request):
            raise ValueError("the picture does not fit the socket's buffer; take a smaller one")

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
        if not end or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]):
            return None
        self.keep = self.keep and b"connection: close" not in head.lower()
        return head.split(None, 2)[1].decode()


class Sender:
    """Sends requests and counts what comes back, all in one thread, over at most so many connections."""

    def __init__(self, load: Load, most: int) -> None:
        self._requests = {keep: load.request(keep) for keep in (True, False)}
        self._load, self._most = load, most
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
        connection = self._idle.pop() if self._idle and keep else self._connect()
        connection.send(self._requests[keep], intended, keep)

    def _connect(self) -> Connection:
        connection = Connection(self._load)
        self.open += 1
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        return connection

    def _read(self, connection: Connection) -> bool:
        status = connection.read()
        if status is None:
            return False
        is_answer = connection not in self._idle
        if is_answer:
            self.statuses[status] += 1
            self.times[status].append(time.perf_counter() - connection.intended)
        if connection.keep and status.isdecimal():
            self._idle.append(connection)
            return True
        if not is_answer:
            self._idle.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self.open -= 1
        return is_answer

    def close(self) -> None:
        """Ends all connections, once what was sent is answered."""
        ends = time.perf_counter() + _ANSWER_WITHIN_S
        while (self.due or self.open > len(self._idle)) and time.perf_counter() < ends:
            self.turn(0.1)
        self.statuses["unanswered"] += len(self.due) + self.open - len(self._idle)
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()


def closed_loop(load: Load, connections: int, seconds: float) -> Sender:
    """Each connection sends its next request when the last one is answered."""
    sender, ends = Sender(load, connections), time.perf_counter() + seconds
    sender.due.extend([(time.perf_counter(), True)] * connections)
    while time.perf_counter() < ends:
        sender.due.extend([(time.perf_counter(), True)] * sender.turn(0.1))
    sender.close()
    return sender


def open_loop(load: Load, rate: float, seconds: float, fresh: float, most: int) -> Sender:
    """Requests at their times; a share of them on fresh connections, spread evenly."""
    sender, sent, started = Sender(load, most), 0, time.perf_counter()
    while sent < int(rate * seconds):
        while sent < int(rate * seconds) and (intended := started + sent / rate) <= time.perf_counter():
            sender.due.append((intended, int((sent + 1) * fresh) == int(sent * fresh)))
            sent += 1
        sender.turn(max(0.0, min(0.01, started + sent / rate - time.perf_counter())))
    sender.close()
    return sender


def _probe(host: str, port: int, stop: Event) -> dict[str, list[float]]:
    """Asks for the probes in turn, by turns on a fresh connection and a kept one, until told to stop."""
    kept, count = http.client.HTTPConnection(host, port, timeout=_ANSWER_WITHIN_S), 0
    times: dict[str, list[float]] = {}
    while not stop.is_set():
        for path in PROBES:
            connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_WITHIN_S) if count % 2 else kept
            started = time.perf_counter()
            name = path if _answers(connection, path) else f"{path} failed"
            times.setdefault(name, []).append(time.perf_counter() - started)
            if connection is not kept:
                connection.close()
        count += 1
        time.sleep(_PROBE_EVERY_S)
    return times


def _answers(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return False
    return response.status == http.client.OK


def _observed(load: Load, run: Callable[[], Sender]) -> tuple[Sender, dict[str, list[float]]]:
    with multiprocessing.Manager() as manager, ProcessPoolExecutor(1) as pool:
        stop = manager.Event()
        probing = pool.submit(_probe, load.host, load.port, stop)
        sender = run()
        stop.set()
        return sender, probing.result()


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds) or [float("nan")]
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    parts = [f"{name} {ordered[min(len(ordered) - 1, int(s * len(ordered)))] * 1000:.1f}" for name, s in shares.items()]
    return f"{', '.join(parts)} ms (n = {len(seconds)})"


def _report(name: str, sender: Sender, probes: dict[str, list[float]], took: float) -> None:
    sent = sum(sender.statuses.values())
    others = {status: n for status, n in sender.statuses.items() if n and status not in ("200", "429")}
    click.echo(f"{name}: {sent / took:.0f} requests/s sent, {sender.statuses['200'] / took:.0f}/s answered")
    click.echo(f"  accepted {_spread(sender.times['200'])}")
    click.echo(f"  429      {_spread(sender.times['429'])}")
    click.echo(f"  errors   {json.dumps(others)}")
    for path, times in probes.items():
        click.echo(f"  {path:9}{_spread(times)}")


@click.command()
@click.argument("url")
@click.option("--model", default="mnist", show_default=True)
@click.option("--picture", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=_PICTURE)
@click.option("--times", default="0.5,1,2,5", show_default=True, help="Multiples of what the service carries.")
@click.option("--seconds", default=5.0, show_default=True, help="Length of each run.")
@click.option("--connections", default=16, show_default=True, help="Of the closed loop that finds the carried load.")
@click.option("--fresh", default=0.1, show_default=True, help="Share of requests on connections of their own.")
@click.option("--most", default=500, show_default=True, help="Most connections at once; further requests wait.")
def main(
    url: str, model: str, picture: Path, times: str, seconds: float, connections: int, fresh: float, most: int
) -> None:
    """Load and probes, in multiples of the load that the service at URL carries."""
    parts = urlsplit(url)
    load = Load(parts.hostname or "", parts.port or 80, f"/models/{model}/predict", picture.read_bytes())
    carried, probes = _observed(load, lambda: closed_loop(load, connections, seconds))
    _report(f"closed loop, {connections} connections", carried, probes, seconds)
    for factor in (float(part) for part in times.split(",") if part):
        rate, started = factor * carried.statuses["200"] / seconds, time.perf_counter()
        sender, probes = _observed(load, partial(open_loop, load, rate, seconds, fresh, most))
        _report(f"{factor:g} times that", sender, probes, max(seconds, time.perf_counter() - started))


if __name__ == "__main__":
    main()
