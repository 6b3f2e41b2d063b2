"""One round: each server in turn with each load it takes."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from benchmarks import alone, load
from benchmarks.contenders import FLASK_LITERT, SQUINT, WORKERS, Contender
from benchmarks.processes import Server, running
from benchmarks.workloads import BATCH_SIZE, Payload, golden_png, multipart, page_jpeg, photo_jpeg, raw

SMALL, LARGE, BATCH = "one 28×28 PNG", "one 12-megapixel JPEG", f"{BATCH_SIZE} PNGs, multipart"
CLOSED, OVERLOAD, LIVENESS = "one 640×480 JPEG", "the same, 5 times the load", "GET /livez beside it"
ALONE = "decoding and inference alone"
OVERLOAD_FACTOR, OVERLOAD_MAX_WAIT_S = 5, 1.0
# An accepted request takes the longest wait and one answer.
_REQUEST_INTERVAL_S = OVERLOAD_MAX_WAIT_S + 0.5
_CONNECTIONS = 16


class Row(NamedTuple):
    """What is measured: a load and the server that gets it."""

    load: str
    server: str


class Sample(NamedTuple):
    """One measurement; None is what was not measured. CPU is per answer, of all the server's processes."""

    answers_per_s: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_ms: float | None = None
    memory_mb: float | None = None
    first_answer_s: float | None = None
    offered_per_s: float | None = None
    failed: int = 0


Samples = dict[Row, Sample]
Step = Callable[[], Samples]


def steps(contenders: Sequence[Contender], seconds: int) -> list[Step]:
    """What is done in a round; each step starts and stops its own server."""
    turns: list[Step] = [partial(_turn, contender, seconds) for contender in contenders]
    return [*turns, partial(_alone, seconds), partial(_overload, seconds)]


def _turn(contender: Contender, seconds: int) -> Samples:
    title = contender.title
    with running(contender) as server:
        small = _closed(server, contender.payload(golden_png()), seconds)
        small = small._replace(memory_mb=server.pss_mb(), first_answer_s=server.first_answer_s)
        samples = {Row(SMALL, title): small}
        if contender in (SQUINT, FLASK_LITERT):
            samples[Row(LARGE, title)] = _closed(server, raw(page_jpeg()), seconds)
        if contender is SQUINT:
            batch = multipart([golden_png()] * BATCH_SIZE)
            samples[Row(BATCH, title)] = _closed(server, batch, seconds)
    return samples


def _closed(server: Server, payload: Payload, seconds: int) -> Sample:
    load.closed_loop(server.url, payload, _CONNECTIONS, 1)  # warms up
    server.wait_until_idle()
    cpu_before_s = server.cpu_s()
    result = load.closed_loop(server.url, payload, _CONNECTIONS, seconds)
    cpu_ms = (server.cpu_s() - cpu_before_s) * 1000 / max(1, result.answers)
    answers_per_s = (result.answers - result.failed) / result.seconds
    return Sample(answers_per_s, result.p50_ms, result.p99_ms, cpu_ms, failed=result.failed)


def _alone(seconds: int) -> Samples:
    return {Row(BATCH, ALONE): Sample(alone.batches_per_s(seconds, WORKERS))}


def _overload(seconds: int) -> Samples:
    payload = raw(photo_jpeg(640, 480))
    with running(SQUINT, {"SQUINT_MAX_WAIT_S": str(OVERLOAD_MAX_WAIT_S)}) as server:
        closed = _closed(server, payload, seconds)
        rate = OVERLOAD_FACTOR * (closed.answers_per_s or 1)
        with load.liveness_probe(server.port) as probe_ms:
            opened = load.open_loop(server.url, payload, rate, seconds, _REQUEST_INTERVAL_S)
    return {
        Row(CLOSED, SQUINT.title): closed,
        Row(OVERLOAD, SQUINT.title): _of_open_loop(opened),
        Row(LIVENESS, SQUINT.title): Sample(p50_ms=load.percentile(probe_ms, 50), p99_ms=load.percentile(probe_ms, 99)),
    }


def _of_open_loop(opened: load.OpenLoop) -> Sample:
    return Sample(opened.goodput_per_s, opened.p50_ms, opened.p99_ms, offered_per_s=opened.offered_per_s)
