"""Whoever has connected is counted and comes in; whoever begins to connect is told nothing until the end."""

import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from service.server import listening

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no filters on sockets")


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family, host = request.param
    with socket.socket(family) as sock:
        try:
            sock.bind((host, 0))
        except OSError:
            pytest.skip(f"{host} is not to be had on this machine")
        sock.listen()
        sock.setblocking(False)
        yield sock


def connect(listener: socket.socket, timeout_s: float = 60) -> socket.socket:
    return socket.create_connection(listener.getsockname()[:2], timeout_s)


@linux_only
def test_it_is_told_how_many_have_connected_and_wait(listener: socket.socket) -> None:
    with ExitStack() as connected:
        for _ in range(3):
            connected.enter_context(connect(listener))
        assert listening.waiting(listener) == 3
        listener.accept()[0].close()
        assert listening.waiting(listener) == 2


def test_where_it_is_not_told_how_many_wait_one_may() -> None:
    with socket.socket(socket.AF_UNIX) as other:
        assert listening.waiting(other) == 1


@linux_only
def test_who_has_connected_is_accepted_still(listener: socket.socket) -> None:
    with connect(listener):
        listening.ignore_newcomers(listener)
        listener.accept()[0].close()


@linux_only
def test_who_begins_to_connect_is_neither_accepted_nor_refused(listener: socket.socket) -> None:
    listening.ignore_newcomers(listener)
    with pytest.raises(TimeoutError):
        connect(listener, timeout_s=0.2)
    with pytest.raises(BlockingIOError):
        listener.accept()


@linux_only
def test_who_was_ignored_is_refused_when_the_listener_is_gone(listener: socket.socket) -> None:
    listening.ignore_newcomers(listener)
    address = listener.getsockname()[:2]
    with ThreadPoolExecutor(1) as pool:
        connecting = pool.submit(socket.create_connection, address, 60)
        listener.close()
        with pytest.raises(ConnectionRefusedError):
            connecting.result()


@linux_only
def test_a_listener_is_left_by_a_process_that_has_it_no_more(listener: socket.socket) -> None:
    assert not listening.is_left_by(os.getpid(), listener)
    assert listening.is_left_by(os.getppid(), listener)


def test_of_a_listener_that_is_closed_nothing_is_told(listener: socket.socket) -> None:
    listener.close()
    assert not listening.is_left_by(os.getpid(), listener)
