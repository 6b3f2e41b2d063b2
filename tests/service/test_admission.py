"""A bounded number computes, a bounded number waits in line, and the rest is turned away."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
from service.admission import Admission, check_deadline

from service.errors import Abandoned, DeadlinePassed, Overloaded

LONG_S = 60


def yes() -> bool:
    return True


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.001)


@contextmanager
def busy(admission: Admission, deadline: float | None = None) -> Iterator[Event]:
    """One computation that goes on until the event is set."""
    done = Event()

    def compute() -> None:
        with admission.turn(None, yes):
            done.wait(LONG_S)

    before = admission.computing
    with ThreadPoolExecutor(1) as pool:
        computing = pool.submit(compute)
        until(lambda: admission.computing == before + 1)
        try:
            yield done
        finally:
            done.set()
            computing.result()


def asked(pool: ThreadPoolExecutor, admission: Admission, told: list[int], number: int) -> "Future[None]":
    """Another thread in line."""

    def compute() -> None:
        with admission.turn(None, yes):
            told.append(number)

    waiting = admission.waiting
    future = pool.submit(compute)
    until(lambda: admission.waiting == waiting + 1)
    return future


def test_no_more_compute_at_once_than_allowed() -> None:
    admission, at_once = Admission(3, 100, LONG_S), []

    def compute(_: int) -> None:
        with admission.turn(None, yes):
            at_once.append(admission.computing)
            time.sleep(0.001)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(compute, range(100)))
    assert len(at_once) == 100 and max(at_once) <= 3
    assert (admission.computing, admission.waiting) == (0, 0)


def test_who_comes_first_is_served_first() -> None:
    admission, told = Admission(1, 10, LONG_S), list[int]()
    with ThreadPoolExecutor(10) as pool, busy(admission) as done:
        futures = [asked(pool, admission, told, number) for number in range(8)]
        done.set()
        for future in futures:
            future.result(LONG_S)
    assert told == list(range(8))


def test_where_the_line_is_full_one_is_turned_away_at_once() -> None:
    admission = Admission(1, 0, LONG_S)
    with busy(admission), pytest.raises(Overloaded, match="0 requests wait already"):
        admission.turn(None, yes)
    with admission.turn(None, yes):
        assert admission.computing == 1


def test_the_wait_is_bounded_and_leaves_nobody_in_line() -> None:
    admission = Admission(1, 5, 0.01)
    with busy(admission), pytest.raises(Overloaded, match=r"no turn came within 0\.01 s"):
        admission.turn(None, yes)
    assert (admission.computing, admission.waiting) == (0, 0)


def test_a_wait_elsewhere_is_part_of_the_longest() -> None:
    admission = Admission(1, 5, LONG_S)
    with busy(admission), pytest.raises(Overloaded, match="no turn came within 60 s"):
        admission.turn(None, yes, waited_s=LONG_S)
    with pytest.raises(Abandoned):
        admission.turn(None, lambda: False, waited_s=1)
    assert (admission.computing, admission.waiting) == (0, 0)


def test_a_deadline_ends_the_wait() -> None:
    admission = Admission(1, 5, LONG_S)
    with busy(admission), pytest.raises(DeadlinePassed):
        admission.turn(time.monotonic() + 0.01, yes)
    assert (admission.computing, admission.waiting) == (0, 0)


def test_what_is_past_its_deadline_does_not_begin() -> None:
    admission = Admission(1, 5, LONG_S)
    with pytest.raises(DeadlinePassed):
        admission.turn(time.monotonic() - 1, yes)
    assert admission.computing == 0
    check_deadline(None)
    check_deadline(time.monotonic() + LONG_S)


def test_whoever_is_gone_after_the_wait_is_not_computed_for() -> None:
    admission, computed = Admission(1, 5, LONG_S), list[int]()

    def compute() -> None:
        with admission.turn(None, lambda: False):
            computed.append(1)

    with ThreadPoolExecutor(1) as pool:
        with busy(admission):
            gone = pool.submit(compute)
            until(lambda: admission.waiting == 1)
        with pytest.raises(Abandoned):
            gone.result(LONG_S)
    assert not computed and admission.computing == 0


def test_without_a_wait_nobody_is_asked_whether_he_is_there() -> None:
    with Admission(1, 5, LONG_S).turn(None, lambda: False):
        pass


def test_a_fault_of_the_computation_frees_its_place() -> None:
    admission = Admission(1, 0, LONG_S)
    with pytest.raises(ValueError, match="broken"), admission.turn(None, yes):
        raise ValueError("broken")
    assert admission.computing == 0


def test_the_time_to_retry_follows_from_the_line_and_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    admission, clock = Admission(1, 100, 7), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    assert 7 <= admission.retry_after_s() <= 12  # nothing is known yet: the longest wait
    for _ in range(20):  # two a second
        with admission.turn(None, yes):
            pass
        clock[0] += 0.5
    monkeypatch.setattr(Admission, "waiting", 30)
    told = {admission.retry_after_s() for _ in range(200)}
    assert len(told) > 3 and min(told) >= 15 and max(told) <= 24
    monkeypatch.setattr(Admission, "waiting", 0)
    assert {admission.retry_after_s() for _ in range(200)} == {1}
    monkeypatch.setattr(Admission, "waiting", 100_000)
    assert admission.retry_after_s() == 60
    clock[0] += 3600  # what was measured an hour ago says nothing
    monkeypatch.setattr(Admission, "waiting", 30)
    assert 7 <= admission.retry_after_s() <= 12
