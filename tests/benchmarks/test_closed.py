"""Whoever sends the closed loop tells the same of it."""

import shutil
import socket

import pytest

from benchmarks.closed import closed, generator
from tests.benchmarks.answering import ANSWER, at_once, server


@pytest.fixture(params=["wrk", "our own client"])
def sent_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which of the two; wrk where it is installed."""
    if request.param == "wrk" and not shutil.which("wrk"):
        pytest.skip("wrk is not installed; Debian's package of that name has it")
    if request.param != "wrk":
        monkeypatch.setattr("shutil.which", lambda name: None)
    return str(request.param)


def test_answers_are_counted_and_timed(sent_by: str) -> None:
    with server(at_once) as load:
        found = closed(load, connections=2, seconds=1)
    assert set(found["statuses"]) == {"200"} and found["statuses"]["200"] > 0
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["p999_ms"]
    assert found["seconds"] >= 0.9


def test_other_statuses_are_told_by_their_number(sent_by: str) -> None:
    answered: list[bytes] = []

    def refuses_the_first(connection: socket.socket, request: bytes) -> bool:
        answered.append(request)
        answer = ANSWER if len(answered) > 1 else ANSWER.replace(b"200 OK", b"429 Too Many Requests")
        connection.sendall(answer)
        return True

    with server(refuses_the_first) as load:
        statuses = closed(load, connections=1, seconds=1)["statuses"]
    assert statuses.pop("429") == 1 and set(statuses) <= {"200"}


def test_the_generator_is_named(sent_by: str) -> None:
    generator.cache_clear()
    assert generator().startswith("wrk" if sent_by == "wrk" else "benchmarks/load.py")
    generator.cache_clear()
