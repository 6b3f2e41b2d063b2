"""The line is in front of the threads: bounded, in order, and to be left while no thread has begun."""

import socket
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event

import pytest
from gunicorn.config import Config

from service.server.connection import Connection
from service.server.lane import Lane

LONG_S = 60


def connection(expires: float = LONG_S) -> Connection:
    ours, theirs = socket.socketpair()
    theirs.close()
    made = Connection(Config(), ours, None, None)
    made.expires = expires
    made.close()
    return made


@contextmanager
def busy(lane: Lane) -> Iterator["Future[bool]"]:
    """Its only thread has something in hand until the end of the block."""
    begun, done = Event(), Event()

    def wait() -> bool:
        begun.set()
        return done.wait(LONG_S)

    future = lane.take(connection(), wait)
    assert begun.wait(LONG_S)
    try:
        yield future
    finally:
        done.set()


@pytest.fixture
def lane() -> Iterator[Lane]:
    with ThreadPoolExecutor(1) as pool:
        yield Lane(pool, threads=1, most=3)


def test_so_many_are_in_hand_at_once_and_whoever_leaves_makes_room(lane: Lane) -> None:
    with busy(lane):
        waits = connection()
        lane.take(waits, bool)
        assert lane.has_room() and lane.waiting == 1
        lane.take(connection(), bool)
        assert not lane.has_room() and lane.waiting == 2
        lane.let_go(waits)
        assert lane.has_room() and lane.waiting == 1


def test_first_come_first_served(lane: Lane) -> None:
    served: list[int] = []

    def serve(number: int) -> bool:
        served.append(number)
        return True

    with busy(lane):
        later = [lane.take(connection(), partial(serve, number)) for number in (1, 2)]
    assert all(future.result() for future in later) and served == [1, 2]


def test_whose_time_is_over_is_given_up_while_no_thread_has_begun(lane: Lane) -> None:
    with busy(lane) as begun:
        late, patient = lane.take(connection(expires=1), bool), lane.take(connection(expires=3), lambda: True)
        lane.give_up_late(now=2)
    assert begun.result() and patient.result()
    with pytest.raises(CancelledError):
        late.result()


def test_it_holds_at_least_as_many_as_it_has_threads() -> None:
    with ThreadPoolExecutor(2) as pool:
        lane = Lane(pool, threads=2, most=1)
        lane.take(connection(), bool)
        assert lane.has_room()
