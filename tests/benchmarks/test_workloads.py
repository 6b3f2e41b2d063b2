"""Each form carries the pictures as they are, and the service takes it."""

import base64
import json

import pytest
from flask.testing import FlaskClient

from benchmarks.contenders import CONTENDERS, OURS
from benchmarks.workloads import WORKLOADS, Form, body, small


@pytest.mark.parametrize("form", ["raw", "multipart", "json"])
def test_the_service_says_seven_to_the_picture_in_every_form(client: FlaskClient, form: Form) -> None:
    sent = body(form, [small()])
    answer = client.post("/models/mnist/predict", data=sent.data, content_type=sent.content_type)
    assert [one["label"] for one in answer.get_json()["predictions"]] == ["7"]


def test_several_pictures_stay_several_in_their_order() -> None:
    held = json.loads(body("v2", [b"a", b"b"]).data)["inputs"][0]
    assert held["shape"] == [2, 1] and [base64.b64decode(text) for text in held["data"]] == [b"a", b"b"]


@pytest.mark.parametrize("name", CONTENDERS)
def test_every_contender_takes_the_small_picture_or_is_there_for_one_thing_only(name: str) -> None:
    contender = CONTENDERS[name]
    assert contender.workloads[0] == "png" or len(contender.workloads) == 1
    assert all(contender.form(WORKLOADS[key]) or WORKLOADS[key].forms for key in contender.workloads)


def test_ours_takes_every_workload() -> None:
    assert all(CONTENDERS[OURS].form(workload) for workload in WORKLOADS.values())


def test_a_contender_is_started_with_its_ports() -> None:
    command, environment = CONTENDERS["mlserver"].started_by(1, [2, 3])
    ports = {environment[f"MLSERVER_{name}_PORT"] for name in ("HTTP", "GRPC", "METRICS")}
    assert ports == {"1", "2", "3"} and "{" not in " ".join(command)
