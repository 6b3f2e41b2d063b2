"""`python -m benchmarks.overload URL`: what a running service does when more is asked of it than it can carry.

Open loop: each request has an intended time, kept whether or not earlier ones were answered, and is timed from it. Most
go over kept-alive connections, some over fresh ones. Meanwhile another process asks for the probes. First the load that
the service carries is found in a closed loop; then it gets multiples of that.
"""

import asyncio
import http.client
import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Coroutine
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Event
from typing import NamedTuple
from urllib.parse import urlsplit

import click

PROBES = ("/livez", "/readyz", "/metrics")
_PICTURE = max(Path("models/mnist").glob("*/golden/7.png"))
_PROBE_EVERY_S = 0.02
_ANSWER_WITHIN_S = 30.0
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


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


class Sender:
    """Sends requests over a set of idle kept-alive connections, and counts what comes back."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._idle: list[Connection] = []
        self.statuses: Counter[str] = Counter()
        self.accepted_s: list[float] = []
        self.refused_s: list[float] = []

    async def send(self, intended: float, keep: bool = True) -> None:
        """One request, timed from when it should have been sent."""
        try:
            status = await asyncio.wait_for(self._exchange(keep), _ANSWER_WITHIN_S)
        except (OSError, EOFError, TimeoutError, ValueError, IndexError) as error:
            status = type(error).__name__
        self.statuses[status] += 1
        if status in ("200", "429"):
            (self.accepted_s if status == "200" else self.refused_s).append(time.perf_counter() - intended)

    async def _exchange(self, keep: bool) -> str:
        connection = self._idle.pop() if keep and self._idle else await self._connect()
        reader, writer = connection
        try:
            writer.write(self._load.request(keep))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
        except BaseException:
            writer.close()
            raise
        if keep and "connection: close" not in head:
            self._idle.append(connection)
        else:
            writer.close()
        return head.split()[1]

    async def _connect(self) -> Connection:
        return await asyncio.open_connection(self._load.host, self._load.port)


async def _closed_loop(load: Load, connections: int, seconds: float) -> Sender:
    sender, ends = Sender(load), time.perf_counter() + seconds

    async def one_after_another() -> None:
        while time.perf_counter() < ends:
            await sender.send(time.perf_counter())

    await asyncio.gather(*(one_after_another() for _ in range(connections)))
    return sender


async def _open_loop(load: Load, rate: float, seconds: float, fresh: float) -> Sender:
    sender, sent, started = Sender(load), 0, time.perf_counter()
    running: set[asyncio.Task[None]] = set()
    while sent < rate * seconds:
        while (intended := started + sent / rate) <= time.perf_counter() and sent < rate * seconds:
            # Spread evenly: with fresh=0.1 every tenth request opens a connection of its own.
            task = asyncio.create_task(sender.send(intended, int((sent + 1) * fresh) == int(sent * fresh)))
            running.add(task)
            task.add_done_callback(running.discard)
            sent += 1
        await asyncio.sleep(0.001)
    await asyncio.gather(*running)
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


def _observed(load: Load, run: Coroutine[None, None, Sender]) -> tuple[Sender, dict[str, list[float]]]:
    with multiprocessing.Manager() as manager, ProcessPoolExecutor(1) as pool:
        stop = manager.Event()
        probing = pool.submit(_probe, load.host, load.port, stop)
        sender = asyncio.run(run)
        stop.set()
        return sender, probing.result()


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds) or [float("nan")]
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    parts = [f"{name} {ordered[min(len(ordered) - 1, int(s * len(ordered)))] * 1000:.1f}" for name, s in shares.items()]
    return f"{', '.join(parts)} ms (n = {len(seconds)})"


def _report(name: str, sender: Sender, probes: dict[str, list[float]], took: float) -> None:
    sent = sum(sender.statuses.values())
    others = {status: n for status, n in sender.statuses.items() if status not in ("200", "429")}
    click.echo(f"{name}: {sent / took:.0f} requests/s sent, {sender.statuses['200'] / took:.0f}/s answered")
    click.echo(f"  accepted {_spread(sender.accepted_s)}")
    click.echo(f"  429      {_spread(sender.refused_s)}")
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
def main(url: str, model: str, picture: Path, times: str, seconds: float, connections: int, fresh: float) -> None:
    """Load and probes, in multiples of the load that the service at URL carries."""
    parts = urlsplit(url)
    load = Load(parts.hostname or "", parts.port or 80, f"/models/{model}/predict", picture.read_bytes())
    carried, probes = _observed(load, _closed_loop(load, connections, seconds))
    _report(f"closed loop, {connections} connections", carried, probes, seconds)
    for factor in (float(part) for part in times.split(",") if part):
        rate, started = factor * carried.statuses["200"] / seconds, time.perf_counter()
        sender, probes = _observed(load, _open_loop(load, rate, seconds, fresh))
        _report(f"{factor:g} times that", sender, probes, max(seconds, time.perf_counter() - started))


if __name__ == "__main__":
    main()
