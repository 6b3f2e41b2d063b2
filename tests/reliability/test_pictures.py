"""Files that are broken, and files that grow when they are opened."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.images.decode import FORMATS
from tests.conftest import SHIPPED, golden
from tests.integration.processes import living_workers
from tests.integration.server import Server
from tests.integration.wire import Wire, post, wire
from tests.reliability import account, bombs, mutants
from tests.reliability.conftest import Tell
from tests.reliability.memory import peak, size_mib
from tests.reliability.scale import Scale

pytestmark = pytest.mark.reliability
CLIENTS = 2
LONGEST_S = 1.0
REFUSALS = {413, 415, 422}
# A picture of 50 million pixels in the most costly format, WebP: 16 bytes a pixel, and a little.
MOST_MORE_MIB = 850
# What may stay of it.
MOST_KEPT_MIB = 32


def asked(server: Server, files: Iterator[bytes], keep_at: Path) -> list[tuple[int, float]]:
    """Status and seconds of each file, one after the other over one connection; what is wrong is kept as a file."""
    answers = []
    with wire(server) as client:
        for number, data in enumerate(files):
            request = post(f"/models/{SHIPPED[number % len(SHIPPED)]}/predict", data)
            status, took = timed(client, request)
            # Of a pause of the machine a file is not guilty.
            for _ in range(2 if took > LONGEST_S else 0):
                took = min(took, timed(client, request)[1])
            answers.append((status, took))
            if status not in {200, *REFUSALS} or took > LONGEST_S:
                (keep_at / f"{status}-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)
    return answers


def timed(client: Wire, request: bytes) -> tuple[int, float]:
    """Status and seconds."""
    began = time.monotonic()
    client.send(request)
    return client.answered().status, time.monotonic() - began


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_with_faults_is_a_picture_or_refused(
    server: Server, format_: str, tmp_path: Path, scale: Scale, tell: Tell
) -> None:
    workers = living_workers(server)
    halves = [mutants.of(format_, scale.mutants // CLIENTS, seed) for seed in range(CLIENTS)]
    before = size_mib(server)
    with peak(server) as highest, ThreadPoolExecutor(CLIENTS) as pool:
        answers = [one for half in pool.map(lambda files: asked(server, files, tmp_path), halves) for one in half]
    statuses, seconds = Counter(status for status, _ in answers), [took for _, took in answers]
    tell(
        f"{len(answers)} files: {dict(sorted(statuses.items()))}; p99 {account.percentile(seconds, 0.99):.3f} s, "
        f"longest {max(seconds):.2f} s; {highest[0]:.0f} MiB more at most, {size_mib(server) - before:.0f} MiB kept"
    )
    assert len(answers) == scale.mutants // CLIENTS * CLIENTS
    assert set(statuses) <= {200, *REFUSALS} and max(seconds) <= LONGEST_S, f"see {tmp_path}"
    assert highest[0] <= MOST_MORE_MIB and size_mib(server) - before <= MOST_KEPT_MIB
    assert living_workers(server) == workers


@pytest.mark.parametrize("bomb", bombs.ALL, ids=lambda bomb: bomb.name)
def test_a_bomb_is_refused_or_costs_what_a_large_picture_costs(server: Server, bomb: bombs.Bomb, tell: Tell) -> None:
    workers, before = living_workers(server), size_mib(server)
    data = bomb.make()
    with peak(server) as highest, wire(server) as client:
        status, took = timed(client, post("/models/cifar10/predict", data))
    kept = size_mib(server) - before
    tell(f"{len(data)} bytes: {status} in {took:.2f} s, {highest[0]:.0f} MiB more, {kept:.0f} MiB kept")
    assert status in bomb.statuses and took <= (5 if status == 200 else LONGEST_S)
    assert highest[0] <= MOST_MORE_MIB and kept <= MOST_KEPT_MIB and living_workers(server) == workers
    assert server.post("/models/mnist/predict", golden())[0] == 200
