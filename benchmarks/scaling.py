"""`python -m benchmarks.scaling`: how cost grows with workers, pictures, batches, models and versions.

Writes docs/scaling.json and the page. To be run on a machine that does nothing else.
"""

import random
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from PIL import Image

from benchmarks import copies, results, scaling_page
from benchmarks.closed import closed
from benchmarks.contenders import CONTENDERS, OURS
from benchmarks.measure import Costs
from benchmarks.peers.mnist import folder
from benchmarks.preparation import encoded, photo
from benchmarks.processes import pss_bytes
from benchmarks.running import Running, running
from benchmarks.scaling_page import Point, Scaling, Wire
from benchmarks.workloads import Form, Workload, small

JSON = Path("docs/scaling.json")
_WORKERS = ((1, 32), (2, 32), (4, 32), (2, 8), (2, 128))
_PIXELS = ((320, 240), (1000, 1000), (2000, 2000), (4000, 3000))
_BATCHES = (1, 10, 32, 100, 128)
_COPIES = ((1, 1), (10, 1), (30, 1), (100, 1), (1, 10), (1, 50))
_FEW, _MANY = 4, 16
# The first answer is one worker's; connections that are opened then, and kept, would all be its own.
_OTHERS_START_S = 1.5
Series = Callable[["Round"], Iterator[Point]]


class Round:
    """One round's measuring: which it is, and how long each loop lasts."""

    def __init__(self, number: int, seconds: int) -> None:
        self.number, self.seconds = number, seconds
        self.wire: Wire | None = None

    def point(self, series: str, x: str, one: Running, workload: Workload, form: Form, connections: int) -> Point:
        """One closed loop, with the memory after it."""
        load = one.load(workload, form)
        one.settle(load)
        with Costs(one) as costs:
            found = closed(load, connections, self.seconds)
        told: dict[str, Any] = {"series": series, "x": x, "round": self.number, "connections": connections}
        told["body_bytes"] = len(load.body)
        told |= {"first_answer_s": one.first_answer_s, "pss_bytes": pss_bytes(one.server.tree())}
        return Point.model_validate({**told, **found, **costs.of(found["statuses"])})


@contextmanager
def _squint(**settings: object) -> Iterator[Running]:
    with running(CONTENDERS[OURS], {f"SQUINT_{name.upper()}": str(value) for name, value in settings.items()}) as one:
        time.sleep(_OTHERS_START_S)
        yield one


def _of(picture: bytes, count: int = 1) -> Workload:
    return Workload("", lambda: [picture] * count, ())


def workers(turn: Round) -> Iterator[Point]:
    """More workers, and longer lines, which is more threads."""
    for count, waiting in _WORKERS:
        with _squint(workers=count, max_waiting=waiting) as one:
            yield turn.point("workers", f"{count} × {waiting}", one, _of(small()), "raw", _MANY)
            if (count, waiting) == _WORKERS[1]:
                turn.wire = _wire(one)


def _wire(one: Running) -> Wire:
    """The bytes of one request on the line and in the log."""
    load = one.load(_of(small()), "raw")
    before, asked = one.log.stat().st_size, 200
    heads = 0
    for _ in range(asked):
        request = urllib.request.Request(
            f"http://{load.host}:{load.port}{load.path}", load.body, {"Content-Type": load.content_type}
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310
            heads += len(str(response.headers).encode()) + len(response.read())
    time.sleep(0.5)  # lines are written together
    return Wire(
        bytes_in=len(load.request(keep=True)),
        bytes_out=heads // asked,
        log_bytes=(one.log.stat().st_size - before) / asked,
    )


def pictures(turn: Round) -> Iterator[Point]:
    """Larger pictures, as JPEG and as PNG."""
    page = photo()
    with _squint(workers=2) as one:
        yield turn.point("pictures", "28×28 PNG", one, _of(small()), "raw", _FEW)
        for width, height in _PIXELS:
            sized = page.resize((width, height), Image.Resampling.BILINEAR) if (width, height) != page.size else page
            for name, options in (("JPEG", {"quality": 90}), ("PNG", {"compress_level": 1})):
                file = encoded(sized, name, **options)
                if len(file) < 16 * 2**20:
                    yield turn.point("pictures", f"{width}×{height} {name}", one, _of(file), "raw", _FEW)


def batches(turn: Round) -> Iterator[Point]:
    """More pictures a request."""
    with _squint(workers=2) as one:
        for count in _BATCHES:
            yield turn.point("batches", str(count), one, _of(small(), count), "multipart", _FEW)


def models(turn: Round) -> Iterator[Point]:
    """More models, and more versions of one; all in memory, one of them asked."""
    for names, versions in _COPIES:
        with tempfile.TemporaryDirectory(dir=".") as laid:
            copies.lay(folder(), Path(laid), names, versions)
            with _squint(workers=2, models_dir=laid) as one:
                series, x = ("models", names) if versions == 1 else ("versions", versions)
                yield turn.point(series, str(x), one, _of(small()), "raw", _MANY)


_SERIES: Mapping[str, Series] = {"workers": workers, "pictures": pictures, "batches": batches, "models": models}


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--seconds", default=2, show_default=True, help="Length of each loop.")
@click.option("--code", default=results.code, help="What is told of the code measured; by default its commit.")
@click.option("--to", type=click.Path(path_type=Path), default=JSON, show_default=True)
def main(rounds: int, seconds: int, code: str, to: Path) -> None:
    """Measures, stores what was measured after each round, and writes the page."""
    found = Scaling(
        taken=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        code=code,
        rounds=rounds,
        seconds=seconds,
        machine=results.machine(),
    )
    for number in range(rounds):
        turn, order = Round(number, seconds), list(_SERIES)
        random.Random(number).shuffle(order)
        for name in order:
            click.echo(f"{datetime.now(UTC):%H:%M:%S} round {number + 1} of {rounds}: {name}", err=True)
            found.points += _SERIES[name](turn)
        found.wire = turn.wire
        results.write(to, found)
    scaling_page.write(to)


if __name__ == "__main__":
    main()
