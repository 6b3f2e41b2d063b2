"""Closed loop: by wrk where it is installed, which takes less of the machine, else by our own client."""

import json
import shutil
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TypedDict

from benchmarks.figures import percentiles_ms
from benchmarks.load import Load, closed_loop

_SCRIPT = Path(__file__).with_name("wrk.lua")
_TIMEOUT_S = 30


class Measured(TypedDict):
    """Answers within some seconds, by status or by what went wrong, and the percentiles of their latency."""

    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    statuses: dict[str, int]


@cache
def generator() -> str:
    """What sends the requests of the closed loop, with its version."""
    if not shutil.which("wrk"):
        return "benchmarks/load.py"
    told = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return " ".join(f"{told.stdout}{told.stderr}".split()[:2])


def closed(load: Load, connections: int, seconds: int) -> Measured:
    """Each of the connections sends its next request when the last one is answered."""
    return _by_wrk(load, connections, seconds) if shutil.which("wrk") else _by_us(load, connections, seconds)


def _by_wrk(load: Load, connections: int, seconds: int) -> Measured:
    with tempfile.NamedTemporaryFile() as body:
        body.write(load.body)
        body.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={_TIMEOUT_S}s", "-s", str(_SCRIPT)]
        command += [f"http://{load.host}:{load.port}{load.path}", "--", body.name, load.content_type]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: Measured = json.loads(told.stdout.splitlines()[-1])
    return measured


def _by_us(load: Load, connections: int, seconds: float) -> Measured:
    started = time.perf_counter()
    sender = closed_loop(load, connections, seconds)
    percentiles = percentiles_ms(sender.times["200"])
    return Measured(
        seconds=time.perf_counter() - started,
        p50_ms=percentiles["p50_ms"],
        p99_ms=percentiles["p99_ms"],
        p999_ms=percentiles["p999_ms"],
        statuses=dict(sender.statuses),
    )
