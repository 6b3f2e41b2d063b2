"""`python -m benchmarks.overload URL`: what a running service does when more is asked of it than it can carry.

Open loop: each request has an intended time, kept whether or not earlier ones were answered, and is timed from it. Most
go over kept-alive connections, some over fresh ones. Meanwhile another process asks for the probes. First the load that
the service carries is found in a closed loop; then it gets multiples of that.
"""

import http.client
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import click

from benchmarks.load import Load, Sender, closed_loop, open_loop

PROBES = ("/livez", "/readyz", "/metrics")
_PICTURE = max(Path("models/mnist").glob("*/golden/7.png"))
_PROBE_EVERY_S = 0.02
_ANSWER_WITHIN_S = 30.0


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
