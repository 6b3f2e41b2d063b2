"""Every request that was due is accounted for, and is timed from when it was due."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from benchmarks.load import UNANSWERED, Load, closed_loop, open_loop

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[socket.socket, bytes], bool]


@contextmanager
def _server(serve: Serve) -> Iterator[Load]:
    """Hands each request that is whole to `serve`, which says whether the connection stays."""

    def talk(connection: socket.socket) -> None:
        with connection:
            while request := _request(connection):
                if not serve(connection, request):
                    return

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield Load("127.0.0.1", listener.getsockname()[1], "/", b"picture")
        listener.shutdown(socket.SHUT_RDWR)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"picture"):
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    return data


def _at_once(connection: socket.socket, request: bytes) -> bool:
    connection.sendall(_ANSWER)
    return True


def test_the_open_loop_sends_as_many_as_were_due_and_all_are_answered() -> None:
    with _server(_at_once) as load:
        sender = open_loop(load, rate=200, seconds=0.5, fresh=0.1, most=20)
    assert dict(sender.statuses) == {"200": 100}
    assert len(sender.times["200"]) == 100


def test_a_server_that_stalls_makes_all_that_were_due_meanwhile_late() -> None:
    started = time.monotonic()

    def stalls(connection: socket.socket, request: bytes) -> bool:
        time.sleep(max(0.0, 0.4 - (time.monotonic() - started)))
        return _at_once(connection, request)

    with _server(stalls) as load:
        # One connection: while it waits, the others are not even sent.
        sender = open_loop(load, rate=50, seconds=0.3, fresh=0.0, most=1)
    late = sorted(sender.times["200"], reverse=True)
    assert len(late) == 15
    assert all(time_s > 0.4 - 0.02 * (index + 2) for index, time_s in enumerate(late[:10]))


def test_what_is_never_answered_counts_with_the_time_it_waited() -> None:
    with _server(lambda connection, request: True) as load:
        sender = open_loop(load, rate=100, seconds=0.1, fresh=0.0, most=3, patience_s=0.2)
    assert dict(sender.statuses) == {UNANSWERED: 10}
    assert len(sender.times[UNANSWERED]) == 10 and min(sender.times[UNANSWERED]) >= 0.2


def test_an_answer_in_chunks_is_whole_with_its_last_chunk() -> None:
    def in_chunks(connection: socket.socket, request: bytes) -> bool:
        for part in (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nok\r\n", b"0\r\n\r\n"):
            connection.sendall(part)
        return True

    with _server(in_chunks) as load:
        sender = open_loop(load, rate=100, seconds=0.2, fresh=0.0, most=1)
    assert dict(sender.statuses) == {"200": 20}


def test_a_connection_that_the_server_ends_is_not_used_again() -> None:
    def once(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(_ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        return False

    with _server(once) as load:
        sender = open_loop(load, rate=100, seconds=0.2, fresh=0.0, most=4)
    assert dict(sender.statuses) == {"200": 20}


def test_a_connection_that_breaks_is_told_and_another_takes_its_place() -> None:
    answered: list[bytes] = []

    def breaks_first(connection: socket.socket, request: bytes) -> bool:
        answered.append(request)
        return len(answered) > 1 and _at_once(connection, request)

    with _server(breaks_first) as load:
        sender = open_loop(load, rate=100, seconds=0.2, fresh=0.0, most=1)
    assert sum(sender.statuses.values()) == 20 and sender.statuses["200"] == 19


def test_statuses_are_told_apart() -> None:
    def refuses(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(_ANSWER.replace(b"200 OK", b"429 Too Many Requests"))
        return True

    with _server(refuses) as load:
        assert set(closed_loop(load, connections=2, seconds=0.1).statuses) == {"429"}


@pytest.mark.parametrize("keep", [True, False])
def test_a_request_is_one_that_a_parser_takes(keep: bool) -> None:
    with _server(_at_once) as load:
        connection = http.client.HTTPConnection(load.host, load.port)
        connection.connect()
        assert connection.sock is not None
        connection.sock.sendall(load.request(keep))
        assert connection.sock.recv(100) == _ANSWER
        connection.close()
