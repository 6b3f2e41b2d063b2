"""Every request that was due is accounted for, and is timed from when it was due."""

import http.client
import socket
import time

import pytest

from benchmarks.load import UNANSWERED, closed_loop, open_loop
from tests.benchmarks.answering import ANSWER, at_once, server


def test_the_open_loop_sends_as_many_as_were_due_and_all_are_answered() -> None:
    with server(at_once) as load:
        sender = open_loop(load, rate=200, seconds=0.5, fresh=0.1, most=20)
    assert dict(sender.statuses) == {"200": 100}
    assert len(sender.times["200"]) == 100


def test_a_server_that_stalls_makes_all_that_were_due_meanwhile_late() -> None:
    come: list[bytes] = []

    def stalls_at_first(connection: socket.socket, request: bytes) -> bool:
        if not come:
            time.sleep(0.4)
        come.append(request)
        return at_once(connection, request)

    with server(stalls_at_first) as load:
        # One connection: while it waits, the others are not even sent.
        sender = open_loop(load, rate=50, seconds=0.3, fresh=0.0, most=1)
    late = sorted(sender.times["200"], reverse=True)
    assert len(late) == 15
    assert all(waited_s >= 0.4 - index / 50 for index, waited_s in enumerate(late))


def test_what_is_never_answered_counts_with_the_time_it_waited() -> None:
    with server(lambda connection, request: True) as load:
        sender = open_loop(load, rate=100, seconds=0.1, fresh=0.0, most=3, patience_s=0.2)
    assert dict(sender.statuses) == {UNANSWERED: 10}
    assert len(sender.times[UNANSWERED]) == 10 and min(sender.times[UNANSWERED]) >= 0.2


def test_an_answer_in_chunks_is_whole_with_its_last_chunk() -> None:
    def in_chunks(connection: socket.socket, request: bytes) -> bool:
        for part in (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nok\r\n", b"0\r\n\r\n"):
            connection.sendall(part)
        return True

    with server(in_chunks) as load:
        sender = open_loop(load, rate=100, seconds=0.2, fresh=0.0, most=1)
    assert dict(sender.statuses) == {"200": 20}


def test_a_connection_that_the_server_ends_is_not_used_again() -> None:
    def once(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        return False

    with server(once) as load:
        sender = open_loop(load, rate=100, seconds=0.2, fresh=0.0, most=4)
    assert dict(sender.statuses) == {"200": 20}


def test_a_connection_that_breaks_is_told_and_another_takes_its_place() -> None:
    answered: list[bytes] = []

    def breaks_first(connection: socket.socket, request: bytes) -> bool:
        answered.append(request)
        return len(answered) > 1 and at_once(connection, request)

    with server(breaks_first) as load:
        sender = open_loop(load, rate=100, seconds=0.2, fresh=0.0, most=1)
    assert sum(sender.statuses.values()) == 20 and sender.statuses["200"] == 19


def test_statuses_are_told_apart() -> None:
    def refuses(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(ANSWER.replace(b"200 OK", b"429 Too Many Requests"))
        return True

    with server(refuses) as load:
        assert set(closed_loop(load, connections=2, seconds=0.1).statuses) == {"429"}


@pytest.mark.parametrize("keep", [True, False])
def test_a_request_is_one_that_a_parser_takes(keep: bool) -> None:
    with server(at_once) as load:
        connection = http.client.HTTPConnection(load.host, load.port)
        connection.connect()
        assert connection.sock is not None
        connection.sock.sendall(load.request(keep))
        assert connection.sock.recv(100) == ANSWER
        connection.close()
