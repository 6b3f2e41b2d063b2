"""A worker leaves the next connection to whoever has fewer."""

import os

import pytest

from service.server.balance import Balance


def test_whoever_has_more_leaves_to_the_others_what_they_lack() -> None:
    balance = Balance(8)
    counts = {1: 5, 2: 2, 3: 3}
    for worker, connections in counts.items():
        balance.tell(worker, connections)
    assert [balance.left_to_others(worker, connections) for worker, connections in counts.items()] == [5, 0, 1]


@pytest.mark.parametrize(
    ("connections", "other", "expected"),
    [(1, 0, False), (2, 0, True), (2, 1, False), (3, 1, True), (8, 4, False), (9, 4, True), (4, 9, False)],
)
def test_far_ahead_is_whoever_has_two_more_and_more_than_twice_as_many(
    connections: int, other: int, expected: bool
) -> None:
    balance = Balance(8)
    balance.tell(1, connections)
    assert not balance.is_far_ahead(1, connections)  # alone
    balance.tell(2, other)
    assert balance.is_far_ahead(1, connections) is expected


def test_one_worker_alone_leaves_nothing() -> None:
    balance = Balance(8)
    balance.tell(1, 100)
    assert balance.left_to_others(1, 100) == 0


def test_whoever_has_not_begun_or_has_left_is_left_nothing() -> None:
    balance = Balance(8)
    balance.tell(2, 0)
    assert balance.left_to_others(1, 1) == 1
    balance.leave(2)
    assert balance.left_to_others(1, 1) == 0


def test_what_one_process_tells_another_one_knows() -> None:
    balance = Balance(8)
    if (child := os.fork()) == 0:
        balance.tell(7, 0)
        os._exit(0)
    os.waitpid(child, 0)
    assert balance.left_to_others(1, 1) == 1


def test_each_living_worker_has_a_seat_of_its_own() -> None:
    balance = Balance(3)
    first, second = balance.take_seat(), balance.take_seat()
    for _ in range(100):
        third = balance.take_seat()
        assert len({first, second, third}) == 3
        balance.free(third)


def test_a_seat_that_is_free_again_counts_for_nothing() -> None:
    balance = Balance(2)
    one, other = balance.take_seat(), balance.take_seat()
    balance.tell(other, 0)
    balance.tell_ready(other, True)
    balance.free(other)
    assert (balance.left_to_others(one, 1), balance.has_ready()) == (0, False)


def test_where_there_are_too_few_seats_the_last_is_shared() -> None:
    balance = Balance(1)
    assert [balance.take_seat(), balance.take_seat()] == [0, 0]
