"""Sends requests: in a closed loop by wrk, at a fixed rate by hey, and to the liveness probe beside them."""

import csv
import http.client
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from benchmarks.processes import request
from benchmarks.workloads import Payload

_SCRIPT = Path(__file__).with_name("wrk.lua")
_TIMEOUT_S = 30
_PROBE_INTERVAL_S = 0.05
# All workers of one hey send at the same moment: many small ones, started one by one, send at a more even rate.
_HEY_PROCESSES = 20


class MissingToolError(Exception):
    """A load generator is not installed; the message says how to install it."""


class ClosedLoop(NamedTuple):
    """What wrk measured; `failed` counts other statuses than 2xx and 3xx, broken connections and timeouts."""

    seconds: float
    answers: int
    failed: int
    p50_ms: float
    p99_ms: float


class Answer(NamedTuple):
    """One answer of hey's: its status, when its request was sent, and how long it took."""

    status: int
    sent_s: float
    took_s: float


class OpenLoop(NamedTuple):
    """What a server made of a fixed rate; percentiles are of the answers with status 200."""

    offered_per_s: float
    goodput_per_s: float
    p50_ms: float
    p99_ms: float


def check_tools() -> None:
    """Raises MissingToolError unless wrk and hey are installed."""
    missing = [tool for tool in ("wrk", "hey") if not shutil.which(tool)]
    if missing:
        raise MissingToolError(f"not installed: {', '.join(missing)}; on Debian: apt-get install {' '.join(missing)}")


def closed_loop(url: str, payload: Payload, connections: int, seconds: int) -> ClosedLoop:
    """Each connection sends its next request when the last one is answered."""
    with _body_file(payload) as body:
        loop = ["-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={_TIMEOUT_S}s", "-s", str(_SCRIPT), url]
        command = ["wrk", *loop, "--", body, payload.content_type]
        return parse_wrk(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def parse_wrk(output: str) -> ClosedLoop:
    """The last line is what wrk.lua prints."""
    return ClosedLoop(**json.loads(output.strip().splitlines()[-1]))


def open_loop(url: str, payload: Payload, rate: float, seconds: int, interval_s: float) -> OpenLoop:
    """Requests at a fixed rate, whether or not earlier ones are answered.

    Each of hey's workers sends one request in `interval_s`, which therefore must exceed the longest answer.
    """
    workers = max(1, round(rate * interval_s / _HEY_PROCESSES))
    options = ["-z", f"{seconds + interval_s}s", "-c", str(workers), "-q", str(1 / interval_s), "-t", str(_TIMEOUT_S)]
    with _body_file(payload) as body:
        command = ["hey", *options, "-m", "POST", "-T", payload.content_type, "-D", body, "-o", "csv", url]
        answers = _run_staggered(command, interval_s / _HEY_PROCESSES)
    return summarise(answers, interval_s, seconds)


def _run_staggered(command: Sequence[str], delay_s: float) -> list[Answer]:
    began, started = time.perf_counter(), []
    for number in range(_HEY_PROCESSES):
        time.sleep(max(0.0, began + number * delay_s - time.perf_counter()))
        output: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115
        started.append((time.perf_counter() - began, output, subprocess.Popen(command, stdout=output)))
    answers: list[Answer] = []
    for start_s, output, process in started:
        with output:
            process.wait()
            output.seek(0)
            answers += parse_hey(output.read(), start_s)
    return answers


def parse_hey(output: str, start_s: float) -> list[Answer]:
    """The rows of hey's CSV; `start_s` is when hey was started, its own times count from there."""
    rows = csv.DictReader(output.splitlines())
    return [
        Answer(int(row["status-code"]), start_s + float(row["offset"]), float(row["response-time"])) for row in rows
    ]


def summarise(answers: Sequence[Answer], begin_s: float, seconds: float) -> OpenLoop:
    """The answers that came within `seconds` of `begin_s`, which is when the first requests are sent."""
    sent = sum(begin_s <= answer.sent_s < begin_s + seconds for answer in answers)
    accepted = [answer for answer in answers if answer.status == http.client.OK]
    in_time = sum(begin_s <= answer.sent_s + answer.took_s < begin_s + seconds for answer in accepted)
    took_ms = [answer.took_s * 1000 for answer in accepted] or [float("inf")]
    return OpenLoop(sent / seconds, in_time / seconds, percentile(took_ms, 50), percentile(took_ms, 99))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not exceeded by this share of them."""
    return float(np.percentile(values, percent, method="inverted_cdf"))


@contextmanager
def liveness_probe(port: int) -> Iterator[list[float]]:
    """Asks /livez 20 times a second until the block ends; collects milliseconds, infinity for a failed request."""
    times_ms: list[float] = []
    stop = threading.Event()
    thread = threading.Thread(target=_probe, args=(port, times_ms, stop))
    thread.start()
    try:
        yield times_ms
    finally:
        stop.set()
        thread.join()


def _probe(port: int, times_ms: list[float], stop: threading.Event) -> None:
    wait_s = _PROBE_INTERVAL_S
    while not stop.wait(wait_s):
        started = time.perf_counter()
        try:
            status, _ = request(port, "GET", "/livez")
        except (OSError, http.client.HTTPException):
            status = 0
        took_s = time.perf_counter() - started
        times_ms.append(took_s * 1000 if status == http.client.OK else float("inf"))
        wait_s = max(0.0, _PROBE_INTERVAL_S - took_s)


@contextmanager
def _body_file(payload: Payload) -> Iterator[str]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(payload.data)
        file.flush()
        yield file.name
