"""Workers share the connections, whenever each of them began and however many come at once."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

from tests.integration.crowd import KEEP
from tests.integration.processes import connections_of, until, wait_for_workers, workers_of
from tests.integration.server import running
from tests.integration.wire import Wire, wire


def test_connections_are_shared_among_the_workers_and_a_worker_that_stands_still_keeps_none_waiting(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "log", workers=2) as server, ExitStack() as kept:
        wait_for_workers(server, 2)
        _, still = workers_of(server)

        def connect(times: int = 1) -> int:
            for _ in range(times):
                client = kept.enter_context(wire(server))
                client.send(KEEP)
                assert client.answered().status == 200
            return connections_of(server, still)

        until(lambda: connect() > 0)  # both have begun
        os.kill(still, signal.SIGSTOP)
        before = connect(20)
        os.kill(still, signal.SIGCONT)
        assert connect(20) >= before + 15


def test_clients_that_keep_their_connections_are_shared_with_a_worker_that_began_after_them(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=2) as server, ExitStack() as kept:
        wait_for_workers(server, 2)
        first, second = workers_of(server)
        os.kill(second, signal.SIGKILL)
        clients = [kept.enter_context(wire(server)) for _ in range(8)]
        wait_for_workers(server, 3)
        third = workers_of(server)[-1]

        def ask(number: int) -> None:
            clients[number].send(KEEP)
            answer = clients[number].answered()
            assert answer.status == 200
            if answer.headers["connection"] == "close":
                clients[number] = kept.enter_context(wire(server))

        def are_shared() -> bool:
            for number in range(len(clients)):
                ask(number)
            return min(connections_of(server, first), connections_of(server, third)) >= 2

        until(are_shared)


def test_a_crowd_that_comes_at_once_is_shared_among_the_workers(tmp_path: Path) -> None:
    request = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    with running(tmp_path / "log", workers=2) as server, ExitStack() as kept:
        wait_for_workers(server, 2)
        workers = workers_of(server)

        def connect() -> Wire:
            client = kept.enter_context(wire(server))
            client.send(request)
            return client

        def all_have(connections: int) -> bool:
            return all(connections_of(server, worker) >= connections for worker in workers)

        until(lambda: connect().answered().status == 200 and all_have(1))
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        crowd = [connect() for _ in range(100)]
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
        assert [client.answered().status for client in crowd] == [200] * 100
        assert all_have(30)
