"""What the worker's loop answers itself: what was quick of late, is small, and as long as no such request was slow."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from gunicorn.config import Config

from service.server import quick
from service.server.connection import Connection
from service.server.quick import Quick
from tests.integration.wire import post

Asked = Callable[..., Connection]
Answering = Callable[..., Callable[[Connection], bool]]


@pytest.fixture
def asked() -> Iterator[Asked]:
    """A connection whose request is whole."""
    made: list[Connection] = []

    def one(path: str = "/models/mnist/predict", body_bytes: int = 300) -> Connection:
        here, there = socket.socketpair()
        here.close()
        made.append(connection := Connection(Config(), there, None, None))
        assert connection.feed(post(path, b"x" * body_bytes), most_body_bytes=2**20)
        return connection

    yield one
    for connection in made:
        connection.close()


class Clock:
    """Of the whole, and of a thread's own work."""

    def __init__(self) -> None:
        self.now, self.worked = 1000.0, 0.0

    def passes(self, seconds: float, work: float) -> None:
        """Time, a part of which is work."""
        self.now += seconds
        self.worked += work


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "thread_time", lambda: clock.worked)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def answering(clock: Clock) -> Answering:
    """What answers a request in so many milliseconds, so many of which are its thread's own work."""

    def taking(milliseconds: float, work: float = 1.0) -> Callable[[Connection], bool]:
        def answer(_: Connection) -> bool:
            clock.passes(milliseconds / 1000, work / 1000)
            return True

        return answer

    return taking


QUICK = (1.0, 1.0)
# Its own work; that of threads it waits for, as AV1's decoder has.
SLOW = [(6.0, 6.0), (30.0, 1.0)]


def test_nothing_is_expected_of_what_was_never_asked(asked: Asked) -> None:
    assert not Quick().expects(asked())


def test_a_path_is_quick_once_a_request_to_it_was(asked: Asked, answering: Answering) -> None:
    known = Quick()
    assert known.in_thread(asked(), answering(*QUICK))
    assert known.expects(asked())
    assert not known.expects(asked("/models/cifar10/predict"))


def test_what_a_query_asks_for_is_no_other_path(asked: Asked, answering: Answering) -> None:
    known = Quick()
    known.in_thread(asked(), answering(*QUICK))
    assert known.expects(asked("/models/mnist/predict?seen=1"))


def test_a_large_request_is_never_expected_to_be_quick_and_tells_nothing(asked: Asked, answering: Answering) -> None:
    known, large = Quick(), quick._MOST_BYTES + 1
    known.in_thread(asked(body_bytes=large), answering(*QUICK))
    assert not known.expects(asked())
    known.in_thread(asked(), answering(*QUICK))
    known.in_thread(asked(body_bytes=large), answering(*SLOW[0]))
    assert known.expects(asked()) and not known.expects(asked(body_bytes=large))


def test_who_only_waited_for_a_core_was_quick(asked: Asked, answering: Answering) -> None:
    known = Quick()
    known.in_thread(asked(), answering(15.0))
    assert known.expects(asked())
    known.in_loop(asked(), answering(15.0))
    assert known.expects(asked())


@pytest.mark.parametrize("slow", SLOW)
def test_a_path_that_was_slow_in_a_thread_is_quick_no_more_and_others_stay_so(
    asked: Asked, answering: Answering, slow: tuple[float, float]
) -> None:
    known = Quick()
    for path in ("/quick", "/slow"):
        known.in_thread(asked(path), answering(*QUICK))
    known.in_thread(asked("/slow"), answering(*slow))
    assert known.expects(asked("/quick")) and not known.expects(asked("/slow"))


@pytest.mark.parametrize("slow", SLOW)
def test_after_one_that_was_slow_in_the_loop_nothing_is_expected_for_a_while(
    asked: Asked, answering: Answering, clock: Clock, slow: tuple[float, float]
) -> None:
    known = Quick()
    for path in ("/quick", "/slow"):
        known.in_thread(asked(path), answering(*QUICK))
    assert known.in_loop(asked("/quick"), answering(*QUICK)) and known.expects(asked("/slow"))
    known.in_loop(asked("/slow"), answering(*slow))
    assert not known.expects(asked("/quick"))
    clock.passes(quick._DOUBT_S, 0)
    assert known.expects(asked("/quick")) and not known.expects(asked("/slow"))


def test_it_remembers_so_many_paths_and_then_begins_anew(
    asked: Asked, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "_MOST_PATHS", 2)
    known = Quick()
    for number in range(3):
        known.in_thread(asked(f"/{number}"), answering(*QUICK))
    assert [known.expects(asked(f"/{number}")) for number in range(3)] == [False, False, True]
