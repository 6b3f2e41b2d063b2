"""The service stops, reloads and loses workers while it is asked, and every request is accounted for."""

import os
import re
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.conftest import golden
from tests.integration.server import Server, running
from tests.integration.wire import Wire, address, post, wire

PREDICT = "/models/mnist/predict"
KEEP, FRESH = post(PREDICT, golden()), post(PREDICT, golden(), "Connection: close")


class Crowd:
    """Clients that ask without pause, half of them on kept connections; what came of each request is counted.

    A kept connection may be closed between two requests, which HTTP leaves to the server: the request is then sent
    again on a new one. A connection that is refused was never accepted.
    """

    def __init__(self, server: Server, clients: int) -> None:
        self._server, self._stop = server, Event()
        self.outcomes: Counter[str] = Counter()
        self._threads = [Thread(target=self._ask, args=(number % 2 == 0,)) for number in range(clients)]

    @contextmanager
    def asking(self) -> Iterator["Crowd"]:
        """Asks until the end of the block, or until connections are refused."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(60)

    def wait_for(self, answers: int) -> None:
        """Returns when so many more were answered 200."""
        goal, ends = self.outcomes["200"] + answers, time.monotonic() + 60
        while self.outcomes["200"] < goal:
            assert time.monotonic() < ends, self.outcomes
            time.sleep(0.01)

    def _ask(self, keeps: bool) -> None:
        while not self._stop.is_set():
            try:
                with wire(self._server) as client:
                    self._use(client, keeps)
            except ConnectionRefusedError:
                self.outcomes["refused"] += 1
                return
            except OSError as error:
                self.outcomes[type(error).__name__] += 1

    def _use(self, client: Wire, keeps: bool) -> None:
        answered = 0
        while not self._stop.is_set():
            client.send(KEEP if keeps else FRESH)
            answer = client.answer()
            if answer is None:
                self.outcomes["closed before the first" if not answered else "closed between"] += 1
                return
            answered += 1
            self.outcomes[str(answer.status)] += 1
            if answer.headers["connection"] == "close":
                return


def workers_of(server: Server) -> list[int]:
    return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", server.log.read_text())]


def wait_for_workers(server: Server, number: int) -> None:
    ends = time.monotonic() + 60
    while len(workers_of(server)) < number:
        assert time.monotonic() < ends, server.log.read_text()
        time.sleep(0.02)


@pytest.mark.parametrize("round_", range(4))
def test_a_stop_under_load_loses_no_request(tmp_path: Path, round_: int) -> None:
    with running(tmp_path / "log", workers=2) as server, Crowd(server, 8).asking() as crowd:
        crowd.wait_for(100)
        server.signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    assert set(crowd.outcomes) <= {"200", "refused"}, crowd.outcomes
    assert "Traceback" not in server.log.read_text()


def test_a_reload_under_load_loses_no_request(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=2) as server:
        with Crowd(server, 8).asking() as crowd:
            crowd.wait_for(50)
            for number in (4, 6):
                server.signal(signal.SIGHUP)
                wait_for_workers(server, number)
                crowd.wait_for(200)
        assert set(crowd.outcomes) <= {"200"}, crowd.outcomes
        assert server.post(PREDICT, golden())[0] == 200
        (parent,) = re.findall(r"Listening at: \S+ \((\d+)\)", server.log.read_text())
        assert len(metrics_of(parent)) == 1
    assert metrics_of(parent) == []
    assert "Traceback" not in server.log.read_text()


def metrics_of(parent: str) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"squint-metrics-{parent}-*"))


def test_a_reload_is_not_felt_by_the_probes(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=2, drain_delay_s=1) as server:
        server.signal(signal.SIGHUP)
        while server.log.read_text().count("Worker exiting") < 2:
            assert server.get("/readyz")[0] == 200


def test_a_killed_worker_costs_at_most_what_it_held(tmp_path: Path) -> None:
    clients = 8
    with running(tmp_path / "log", workers=2) as server:
        with Crowd(server, clients).asking() as crowd:
            crowd.wait_for(50)
            os.kill(workers_of(server)[0], signal.SIGKILL)
            wait_for_workers(server, 3)
            crowd.wait_for(100)
        lost = crowd.outcomes.total() - crowd.outcomes["200"]
        assert lost <= clients, crowd.outcomes
        assert server.post(PREDICT, golden())[0] == 200


def test_a_stopping_service_says_first_that_it_is_not_ready(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=2, drain_delay_s=2) as server:
        server.signal(signal.SIGTERM)
        statuses, ends = [], time.monotonic() + 60
        while server.process.poll() is None and time.monotonic() < ends:
            try:
                statuses.append((server.get("/readyz")[0], server.post(PREDICT, golden())[0], server.get("/livez")[0]))
            except OSError:
                break
        assert (503, 200, 200) in statuses and statuses.index((503, 200, 200)) < 50
        assert statuses[-1][0] == 503
        assert server.process.wait(30) == 0


def test_a_request_on_a_kept_connection_is_answered_while_the_service_stops(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=1) as server, wire(server) as client:
        client.send(KEEP)
        assert client.answered().headers["connection"] == "keep-alive"
        server.signal(signal.SIGTERM)
        until_refused(server)
        client.send(KEEP)
        answer = client.answered()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert client.answer() is None
        assert server.process.wait(30) == 0


def until_refused(server: Server) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with socket.socket() as probe:
            if probe.connect_ex(address(server)) != 0:
                return
        time.sleep(0.01)
    raise AssertionError("still accepting")


def test_what_has_connected_before_the_stop_is_answered_after_it(tmp_path: Path) -> None:
    """Also what no worker had got round to accept: the worker stands still while they connect."""
    with running(tmp_path / "log", workers=1) as server:
        (worker,) = workers_of(server)
        os.kill(worker, signal.SIGSTOP)
        clients = [socket.create_connection(address(server), timeout=60) for _ in range(20)]
        for client in clients:
            client.sendall(FRESH)
        server.signal(signal.SIGTERM)
        os.kill(worker, signal.SIGCONT)
        for client in clients:
            answer = Wire(client).answered()
            assert answer.status == 200
            client.close()
        assert server.process.wait(30) == 0


def test_slow_clients_do_not_hold_up_a_stop(tmp_path: Path) -> None:
    started = running(tmp_path / "log", workers=1, drain_timeout_s=2)
    with started as server, wire(server) as silent, wire(server) as slow:
        silent.send(b"GET /liv")
        slow.send(KEEP[:-1])
        assert server.post(PREDICT, golden())[0] == 200
        server.signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    assert "SIGKILL" not in server.log.read_text()
