"""A worker leaves the next connection to whoever has fewer."""

import os

from service.balance import Balance


def test_whoever_has_the_most_is_ahead_and_nobody_where_all_have_the_same() -> None:
    balance = Balance()
    for worker, connections in ((1, 3), (2, 2), (3, 2)):
        balance.tell(worker, connections)
    assert [balance.is_ahead(worker, connections) for worker, connections in ((1, 3), (2, 2), (3, 2))] == [
        True,
        False,
        False,
    ]


def test_one_worker_alone_is_never_ahead() -> None:
    balance = Balance()
    balance.tell(1, 100)
    assert not balance.is_ahead(1, 100)


def test_whoever_has_not_begun_or_has_left_is_left_nothing() -> None:
    balance = Balance()
    balance.tell(2, 0)
    assert balance.is_ahead(1, 1)
    balance.leave(2)
    assert not balance.is_ahead(1, 1)


def test_what_one_process_tells_another_one_knows() -> None:
    balance = Balance()
    if (child := os.fork()) == 0:
        balance.tell(7, 0)
        os._exit(0)
    os.waitpid(child, 0)
    assert balance.is_ahead(1, 1)
