"""What clients may take of a worker: connections, bytes, files; whoever lets it wait gives way to others."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import golden
from tests.integration.server import COMMAND, Server, running
from tests.integration.wire import post, wire

PREDICT = "/models/mnist/predict"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("room") / "log"
    with running(log, workers=1, max_request_bytes=600_000, max_held_bytes=2**20) as ready:
        yield ready
    assert "Traceback" not in log.read_text()


def test_the_bytes_kept_for_slow_clients_are_bounded(tmp_path: Path) -> None:
    with (
        running(
            tmp_path / "log", workers=1, body_timeout_s=0.3, max_request_bytes=600_000, max_held_bytes=2**20
        ) as strict,
        ExitStack() as held,
    ):
        clients = [held.enter_context(wire(strict)) for _ in range(4)]
        for client in clients:
            client.send(post(PREDICT, b"x" * 500_000)[:-1])
        statuses = {client.answered().status for client in clients}
        assert 429 in statuses and statuses <= {429, 408}
        assert strict.post(PREDICT, golden())[0] == 200


@pytest.mark.parametrize("start", [b"", b"GET", post(PREDICT, golden())[:-1]])
def test_where_all_connections_are_taken_the_slow_ones_go(server: Server, start: bytes) -> None:
    """Gunicorn's bound is 1000 a worker."""
    with ExitStack() as held:
        for _ in range(1010):
            held.enter_context(wire(server)).send(start)
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(lambda _: server.post(PREDICT, golden())[0], range(8))) == {200}


def test_the_largest_body_that_is_not_whole_gives_way_to_others(server: Server) -> None:
    with wire(server) as larger, wire(server) as smaller, wire(server) as other:
        larger.send(post(PREDICT, b"x" * 550_000)[:-1])
        smaller.send(post(PREDICT, b"x" * 450_000)[:-1])
        other.send(post(PREDICT, golden() + bytes(200_000)))
        assert (other.answered().status, larger.answered().status) == (200, 429)
        smaller.send(b"x")
        assert smaller.answered().status in (415, 422)


def test_a_worker_outlives_running_out_of_files(tmp_path: Path) -> None:
    command = ("sh", "-c", 'ulimit -n 100; exec "$@"', "sh", *COMMAND)
    with running(tmp_path / "log", command, workers=1) as server, ExitStack() as held:
        for _ in range(150):
            held.enter_context(wire(server)).send(b"GET")
        assert server.post(PREDICT, golden())[0] == 200
        assert server.log.read_text().count("Booting worker") == 1
