"""The generators' output is read as they write it."""

import math
import time

import pytest

from benchmarks.load import (
    Answer,
    ClosedLoop,
    MissingToolError,
    check_tools,
    liveness_probe,
    parse_hey,
    parse_wrk,
    percentile,
    summarise,
)

WRK = """Running 1s test @ http://127.0.0.1:8000/predict
  1 threads and 16 connections
Requests/sec:   1250.00

{"seconds": 2.000000, "answers": 2500, "failed": 3, "p50_ms": 4.410000, "p99_ms": 7.070000}
"""
HEY = """response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset
0.0081,0.0016,0.0000,0.0006,0.0058,0.0001,200,1.0044
1.0113,0.0015,0.0000,0.0006,1.0072,0.0020,429,1.0045
"""


def test_wrk_tells_answers_failures_and_percentiles() -> None:
    assert parse_wrk(WRK) == ClosedLoop(seconds=2.0, answers=2500, failed=3, p50_ms=4.41, p99_ms=7.07)


def test_hey_tells_each_answer_with_the_time_its_request_was_sent() -> None:
    assert parse_hey(HEY, start_s=2.0) == [
        Answer(200, 2.0 + 1.0044, 0.0081),
        Answer(429, 2.0 + 1.0045, 1.0113),
    ]


def test_goodput_counts_accepted_answers_within_the_window_only() -> None:
    accepted = [Answer(200, 1.0 + n / 10, 0.05) for n in range(20)]
    refused = [Answer(429, 1.0 + n / 10, 0.01) for n in range(20)]
    early, late = Answer(200, 0.5, 0.05), Answer(200, 2.9, 0.7)
    result = summarise([early, *accepted, *refused, late], begin_s=1.0, seconds=2.0)
    assert result.goodput_per_s == 10 and result.offered_per_s == 20.5
    assert result.p50_ms == pytest.approx(50) and result.p99_ms == pytest.approx(700)


def test_open_loop_without_an_accepted_answer_has_no_goodput() -> None:
    result = summarise([Answer(429, 1.0, 1.0)], begin_s=0.0, seconds=2.0)
    assert result.goodput_per_s == 0 and result.p99_ms == math.inf


def test_percentile_is_one_of_the_values() -> None:
    assert percentile([float(n) for n in range(1, 101)], 99) == 99


def test_missing_generators_are_named_with_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match="apt-get install wrk hey"):
        check_tools()


def test_failed_probe_counts_as_infinitely_late() -> None:
    with liveness_probe(port=1) as times_ms:
        while not times_ms:
            time.sleep(0.01)
    assert set(times_ms) == {math.inf}
