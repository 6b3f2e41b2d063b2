"""Which workers there are, in memory that gunicorn's parent and all workers share."""

import os

import pytest

from service.worker import WorkerStates


@pytest.fixture
def states() -> WorkerStates:
    """Workers 1 and 2, which are ready."""
    states = WorkerStates()
    for age in (1, 2):
        states.add(age)
        states.set_ready(age, True)
    return states


def test_a_worker_that_is_ready_can_answer_for_another_one(states: WorkerStates) -> None:
    assert states.another_is_ready(1) and states.another_is_ready(2)
    states.set_ready(2, False)
    assert not states.another_is_ready(1) and states.another_is_ready(2)


def test_a_worker_that_has_ended_answers_for_nobody(states: WorkerStates) -> None:
    states.remove(2)
    assert not states.another_is_ready(1)


def test_a_reload_replaces_the_workers_before_it_alone(states: WorkerStates) -> None:
    assert not states.is_replaced(1)
    states.replace_all()
    states.add(3)
    assert [states.is_replaced(age) for age in (1, 2, 3)] == [True, True, False]


def test_a_replaced_worker_waits_for_the_first_successor_that_is_ready(states: WorkerStates) -> None:
    assert not states.awaits_successor(1)
    states.replace_all()
    states.add(3)
    states.add(4)
    assert states.awaits_successor(2)
    states.set_ready(4, True)
    assert not states.awaits_successor(2)


def test_a_successor_that_died_is_not_waited_for(states: WorkerStates) -> None:
    states.replace_all()
    states.add(3)
    states.remove(3)
    assert not states.awaits_successor(2)


def test_states_hold_for_a_service_that_has_started_more_workers_than_there_are_places() -> None:
    states = WorkerStates()
    for age in range(4090, 4100):
        states.add(age)
        states.set_ready(age, True)
        assert not states.awaits_successor(age)
        states.remove(age - 1)
        assert not states.another_is_ready(age)
    states.replace_all()
    states.add(4100)
    assert states.awaits_successor(4099) and states.is_replaced(4099) and not states.is_replaced(4100)


def test_what_a_worker_notes_is_seen_by_the_others(states: WorkerStates) -> None:
    states.set_ready(2, False)
    if (child := os.fork()) == 0:
        states.set_ready(2, True)
        os._exit(0)
    os.waitpid(child, 0)
    assert states.another_is_ready(1)
