"""A request's stages are noted once, and told in the answer."""

import re
import time

import pytest
from service.api.telemetry.trail import Trail
from werkzeug.test import Client

from service.api.telemetry import trail
from tests.conftest import golden

PREDICT = "/models/mnist/predict"


def timings(header: str) -> dict[str, float]:
    found = re.findall(r"(\w+);dur=(\d+\.\d{3})", header)
    assert ", ".join(f"{name};dur={value}" for name, value in found) == header
    return {name: float(value) for name, value in found}


def test_a_prediction_tells_its_stages_in_their_order_and_the_total(client: Client) -> None:
    told = timings(client.post(PREDICT, data=golden()).headers["Server-Timing"])
    assert list(told) == ["queue", "decode", "prepare", "infer", "total"]
    assert told["decode"] > 0 and sum(told.values()) - told["total"] <= told["total"]


def test_a_fault_tells_the_stages_it_came_through(client: Client) -> None:
    assert list(timings(client.post(PREDICT, data=b"text").headers["Server-Timing"])) == ["queue", "decode", "total"]


def test_what_has_no_stages_tells_none(client: Client) -> None:
    assert "Server-Timing" not in client.get("/livez").headers
    assert "Server-Timing" not in client.post(PREDICT, data=b"").headers


def test_a_stage_is_the_sum_of_its_blocks_whether_they_raise_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 3.0, 10.0, 15.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    noted = Trail()
    with noted.stage("decode"):
        pass
    with pytest.raises(ValueError, match="broken"), noted.stage("decode"):
        raise ValueError("broken")
    assert noted.stages_s == {"decode": 7.0}


def test_outside_of_a_request_there_is_a_trail_that_nobody_reads() -> None:
    trail.current().asked("mnist", 1, 1)
    assert trail.current().model is None
