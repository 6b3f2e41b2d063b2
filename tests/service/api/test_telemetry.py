"""What is known of a request: its log line, which holds nothing of the caller's, and the headers of its answer."""

import json
import logging
import re
import time
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import Client

from service.api import telemetry
from service.api.telemetry import RequestRecord
from service.logs import JsonFormatter, TextFormatter
from tests.app import App, app_over
from tests.conftest import MODELS, golden, shipped

PREDICT = "/models/mnist/predict"
LOGGER = "service.api.telemetry"


def line(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """The one request that was logged."""
    (record,) = [record for record in caplog.records if record.name == LOGGER]
    told: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return told


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)


def test_a_prediction_is_told_in_full(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.post(PREDICT, data=golden(), headers={"X-Request-ID": "mine"})
    told = line(caplog)
    assert (told["method"], told["route"], told["status"]) == ("POST", "/models/<name>/predict", 200)
    assert (told["model"], told["version"], told["pictures"]) == ("mnist", int(shipped("mnist").name), 1)
    assert (told["id"], told["labels"], told["level"]) == ("mine", ["7"], "info")
    assert (told["bytes_in"], told["bytes_out"]) == (len(golden()), len(answer.data))
    assert list(told["stages_ms"]) == ["queue", "decode", "prepare", "infer"]
    assert 0 < sum(told["stages_ms"].values()) <= told["total_ms"]


def test_a_fault_is_told_with_its_code(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.post(PREDICT, data=b"no picture")
    told = line(caplog)
    assert (told["status"], told["code"], told["level"]) == (415, "unsupported_format", "info")
    assert "labels" not in told and "infer" not in told["stages_ms"]


def test_a_failure_of_ours_is_an_error_with_its_cause(
    app: App, client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setitem(app.flask.view_functions, "native.predict", fail)
    client.post(PREDICT, data=golden())
    assert line(caplog)["level"] == "error" and line(caplog)["code"] == "internal_error"
    (failed,) = [record for record in caplog.records if record.name == "service.api.problems"]
    assert "RuntimeError: broken" in json.loads(JsonFormatter().format(failed))["exception"]


def test_a_client_that_hangs_up_in_the_middle_is_told_too(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.post(PREDICT, data=b"half", environ_overrides={"CONTENT_LENGTH": "5000"})
    assert (line(caplog)["status"], line(caplog)["bytes_in"]) == (400, 5000)


def test_nothing_of_the_callers_is_told(app: App, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"Authorization": "Bearer squint_secret", "X-API-Key": "squint_secret", "Cookie": "a=secret"}
    files = {"image": (BytesIO(golden()), "secret.png")}
    app.test_client().post(f"{PREDICT}?token=secret&top_k=3", data=files, headers=headers)
    app.test_client().get("/secret/path")
    assert caplog.records
    for record in caplog.records:
        assert "secret" not in JsonFormatter().format(record) + TextFormatter().format(record)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_and_metrics_are_told_only_to_those_who_debug(
    client: Client, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    client.get(path)
    assert not caplog.records
    caplog.set_level(logging.DEBUG, LOGGER)
    client.get(path)
    assert line(caplog)["route"] == path


def test_a_probe_that_fails_is_told(caplog: pytest.LogCaptureFixture, models_dir: Any) -> None:
    (models_dir / "mnist" / "1" / "model.tflite").write_bytes(b"broken")
    app_over(models_dir).test_client().get("/readyz")
    assert line(caplog)["status"] == 503


def test_of_many_pictures_only_the_first_labels_are_told(caplog: pytest.LogCaptureFixture) -> None:
    files = {"image": [(BytesIO(golden(label=number)), f"{number}.png") for number in range(8)]}
    app_over(MODELS).test_client().post(PREDICT, data=files)
    assert line(caplog)["pictures"] == 8 and line(caplog)["labels"] == ["0", "1", "2", "3", "4"]


def test_for_people_it_is_one_short_line(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.post(PREDICT, data=golden())
    (record,) = [record for record in caplog.records if record.name == LOGGER]
    text = TextFormatter().format(record)
    assert f"POST /models/<name>/predict 200 mnist/{shipped('mnist').name} 7 " in text and text.endswith(" ms")


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{PARENT}-01"


# After the examples of the W3C recommendation.
@pytest.mark.parametrize("header", [VALID, f"01-{TRACE}-{PARENT}-01", f"cc-{TRACE}-{PARENT}-01-what-the-future-holds"])
def test_the_trace_of_a_valid_traceparent_is_logged(
    client: Client, caplog: pytest.LogCaptureFixture, header: str
) -> None:
    client.get("/nope", headers={"traceparent": header})
    assert line(caplog)["trace"] == TRACE


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-01-more",
        f"cc-{TRACE}-{PARENT}-01more",
        f"{VALID},{VALID}",
        f"00-{TRACE}-{PARENT}-0١",
    ],
)
def test_an_invalid_traceparent_names_no_trace(header: str) -> None:
    assert telemetry.trace_id(header) is None


def test_a_request_without_a_traceparent_has_no_trace(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/models")
    assert "trace" not in line(caplog)


@pytest.mark.parametrize("sent", ["", "two words", "x" * 129, "ä", "a\tb"])
def test_an_invalid_request_id_is_replaced_by_a_random_one(client: Client, sent: str) -> None:
    answers = [client.get("/models", headers={"X-Request-ID": sent}).headers["X-Request-ID"] for _ in range(2)]
    assert answers[0] != answers[1] and all(re.fullmatch("[0-9a-f]{32}", answer) for answer in answers)


def timings(header: str) -> dict[str, float]:
    found = re.findall(r"(\w+);dur=(\d+\.\d{3})", header)
    assert ", ".join(f"{name};dur={value}" for name, value in found) == header
    return {name: float(value) for name, value in found}


def test_a_prediction_has_its_stages_in_their_order_and_the_total(client: Client) -> None:
    times = timings(client.post(PREDICT, data=golden()).headers["Server-Timing"])
    assert list(times) == ["queue", "decode", "prepare", "infer", "total"]
    assert times["decode"] > 0 and sum(times.values()) - times["total"] <= times["total"]


def test_a_fault_has_the_stages_before_it(client: Client) -> None:
    assert list(timings(client.post(PREDICT, data=b"text").headers["Server-Timing"])) == ["queue", "decode", "total"]


def test_an_answer_without_stages_has_no_times(client: Client) -> None:
    assert "Server-Timing" not in client.get("/livez").headers
    assert "Server-Timing" not in client.get("/models").headers


def test_a_stage_is_the_sum_of_its_blocks_whether_they_raise_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([1.0, 3.0, 10.0, 15.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    record = RequestRecord()
    with record.stage("decode"):
        pass
    with pytest.raises(ValueError, match="broken"), record.stage("decode"):
        raise ValueError("broken")
    assert record.stages_s == {"decode": 7.0}


def test_outside_of_a_request_there_is_a_record_that_nobody_reads() -> None:
    telemetry.current().model = "mnist"
    assert telemetry.current().model is None
