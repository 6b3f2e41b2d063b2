"""Where a worker has one core, its loop answers small requests itself, and leaves what may take long to threads."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import encoded, golden
from tests.integration.processes import workers_of
from tests.integration.server import COMMAND, Server, running
from tests.integration.wire import post, wire

PREDICT = "/models/mnist/predict"
# Enough to be seen in the hundredths of a second that the system counts.
REQUESTS = 600


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if not shutil.which("taskset"):
        pytest.skip("taskset, of util-linux, is not here")
    on_one_core = ("taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *COMMAND)
    with running(tmp_path / "log", on_one_core) as ready:
        yield ready


def ticks(task: Path) -> int:
    """What a thread has used of the processor."""
    fields = (task / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def share_of_the_loop(server: Server, request: bytes) -> float:
    """Of the processor's time that the worker spends on so many of these requests."""
    (worker,) = workers_of(server)
    tasks = Path(f"/proc/{worker}/task")
    before = {task.name: ticks(task) for task in tasks.iterdir()}
    with wire(server) as client:
        for _ in range(REQUESTS):
            client.send(request)
            assert client.answered().status == 200
    spent = {task.name: ticks(task) - before.get(task.name, 0) for task in tasks.iterdir()}
    return spent[str(worker)] / sum(spent.values())


def test_the_loop_answers_what_is_quick_until_one_of_those_is_slow(server: Server) -> None:
    small = post(PREDICT, golden())
    assert share_of_the_loop(server, small) > 0.6
    slow = encoded(Image.new("1", (5000, 5000)), "PNG", optimize=True)
    assert len(slow) < 4096
    assert server.post(PREDICT, slow)[0] == 200
    assert share_of_the_loop(server, small) < 0.4


def test_what_comes_behind_it_on_the_same_connection_is_answered_in_order(server: Server) -> None:
    with wire(server) as client:
        for digits in ([7], [7, 1, 2, 0, 4] * 20):
            client.send(b"".join(post(PREDICT, golden(label=digit)) for digit in digits))
            assert [client.answered().json()["predictions"][0]["label"] for _ in digits] == [str(d) for d in digits]
