"""The service stops, reloads and loses workers while it is asked, and every request is accounted for."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.conftest import golden
from tests.integration.crowd import FRESH, KEEP, PREDICT, Crowd
from tests.integration.processes import (
    living_workers,
    metrics_folders,
    successor_of,
    until,
    wait_for_workers,
    workers_of,
)
from tests.integration.server import Server, running
from tests.integration.wire import Wire, address, wire


@pytest.mark.parametrize("round_", range(4))
def test_a_stop_under_load_loses_no_request(tmp_path: Path, round_: int) -> None:
    with running(tmp_path / "log", workers=2) as server, Crowd(server, 8).asking() as crowd:
        crowd.wait_for(100)
        server.signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    assert set(crowd.outcomes) <= {"200", "refused", "ConnectionResetError"}, crowd.outcomes
    # The kernel resets who connects in the microseconds between the last look into the listener's queue and its end.
    assert crowd.broken <= 1
    assert "Traceback" not in server.log.read_text()


def test_one_worker_fewer_costs_no_request_and_no_connection(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=2) as server:
        with Crowd(server, 8).asking() as crowd:
            crowd.wait_for(50)
            server.signal(signal.SIGTTOU)
            until(lambda: len(living_workers(server)) == 1)
            crowd.wait_for(100)
        assert set(crowd.outcomes) <= {"200"}, crowd.outcomes


def test_another_service_takes_over_the_listener_without_a_lost_request(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=1, drain_delay_s=600) as server:
        with Crowd(server, 8).asking() as crowd:
            crowd.wait_for(50)
            server.signal(signal.SIGUSR2)
            wait_for_workers(server, 2)
            server.signal(signal.SIGTERM)
            assert server.process.wait(30) == 0
            crowd.wait_for(100)
        # Not SIGTERM, with such a delay.
        os.kill(successor_of(server), signal.SIGQUIT)
        until_refused(server)
        assert set(crowd.outcomes) <= {"200"}, crowd.outcomes


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
        assert len(metrics_folders(server)) == 1
    assert metrics_folders(server) == []
    assert "Traceback" not in server.log.read_text()


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
        assert "connection" not in client.answered().headers
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
