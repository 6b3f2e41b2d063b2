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

SLOW_S = 2 * quick._LONGEST_S


Asked = Callable[..., Connection]
Answering = Callable[[float], Callable[[Connection], bool]]


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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = {"process": 0.0, "monotonic": 1000.0}
    monkeypatch.setattr(time, "process_time", lambda: now["process"])
    monkeypatch.setattr(time, "monotonic", lambda: now["monotonic"])
    return now


@pytest.fixture
def answering(clock: dict[str, float]) -> Answering:
    """What answers a request in so many seconds of the processor."""

    def taking(seconds: float) -> Callable[[Connection], bool]:
        def answer(_: Connection) -> bool:
            clock["process"] += seconds
            return True

        return answer

    return taking


def test_nothing_is_expected_of_what_was_never_asked(asked: Asked) -> None:
    assert not Quick().expects(asked())


def test_a_path_is_quick_once_a_request_to_it_was(asked: Asked, answering: Answering) -> None:
    known = Quick()
    assert known.in_thread(asked(), answering(0.001))
    assert known.expects(asked())
    assert not known.expects(asked("/models/cifar10/predict"))


def test_what_a_query_asks_for_is_no_other_path(asked: Asked, answering: Answering) -> None:
    known = Quick()
    known.in_thread(asked(), answering(0.001))
    assert known.expects(asked("/models/mnist/predict?seen=1"))


def test_a_large_request_is_never_expected_to_be_quick_and_tells_nothing(asked: Asked, answering: Answering) -> None:
    known, large = Quick(), quick._MOST_BYTES + 1
    known.in_thread(asked(body_bytes=large), answering(0.001))
    assert not known.expects(asked())
    known.in_thread(asked(), answering(0.001))
    known.in_thread(asked(body_bytes=large), answering(SLOW_S))
    assert known.expects(asked()) and not known.expects(asked(body_bytes=large))


def test_a_path_that_was_slow_in_a_thread_is_quick_no_more_and_others_stay_so(
    asked: Asked, answering: Answering
) -> None:
    known = Quick()
    for path in ("/quick", "/slow"):
        known.in_thread(asked(path), answering(0.001))
    known.in_thread(asked("/slow"), answering(SLOW_S))
    assert known.expects(asked("/quick")) and not known.expects(asked("/slow"))


def test_after_one_that_was_slow_in_the_loop_nothing_is_expected_for_a_while(
    asked: Asked, answering: Answering, clock: dict[str, float]
) -> None:
    known = Quick()
    for path in ("/quick", "/slow"):
        known.in_thread(asked(path), answering(0.001))
    assert known.in_loop(asked("/quick"), answering(0.001)) and known.expects(asked("/slow"))
    known.in_loop(asked("/slow"), answering(SLOW_S))
    assert not known.expects(asked("/quick"))
    clock["monotonic"] += quick._DOUBT_S
    assert known.expects(asked("/quick")) and not known.expects(asked("/slow"))


def test_it_remembers_so_many_paths_and_no_more(
    asked: Asked, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "_MOST_PATHS", 2)
    known = Quick()
    for number in range(3):
        known.in_thread(asked(f"/{number}"), answering(0.001))
    assert [known.expects(asked(f"/{number}")) for number in range(3)] == [True, True, False]
