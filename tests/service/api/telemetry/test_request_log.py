"""One line a request, with what is needed to understand it and nothing that is the caller's."""

import json
import logging
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from service.api.door import door_of
from werkzeug.test import Client

from service.logs import JsonFormatter, TextFormatter
from tests.app import app_over
from tests.conftest import MODELS, golden, shipped

PREDICT = "/models/mnist/predict"
LOGGER = "service.api.telemetry.request_log"


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
    assert answer.headers["traceparent"] == f"00-{told['trace']}-{told['span']}-00"
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


def test_what_the_worker_turns_away_itself_is_told_too(app: App, caplog: pytest.LogCaptureFixture) -> None:
    door = door_of(app)
    answer = door.full(None, keep=False)
    told = line(caplog)
    assert (told["route"], told["status"], told["code"]) == ("unrouted", 429, "overloaded")
    assert "method" not in told and f"X-Request-ID: {told['id']}".encode() in answer
    caplog.clear()
    door.slow(None, "head", 5)
    assert (line(caplog)["status"], line(caplog)["code"]) == (408, "request_timeout")
    caplog.clear()
    door.long(65536)
    assert (line(caplog)["status"], line(caplog)["code"]) == (431, "malformed_request")
    assert TextFormatter().format(caplog.records[-1]).endswith("unrouted 431 malformed_request")


def test_what_the_worker_answers_to_head_has_no_content(app: App) -> None:
    asked = SimpleNamespace(method="HEAD", path="/models", headers=[])
    head, _, content = door_of(app).full(asked, keep=True).partition(b"\r\n\r\n")
    assert b"Content-Length: " in head and b"Connection: keep-alive" in head and content == b""


def test_for_people_it_is_one_short_line(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.post(PREDICT, data=golden())
    (record,) = [record for record in caplog.records if record.name == LOGGER]
    text = TextFormatter().format(record)
    assert f"POST /models/<name>/predict 200 mnist/{shipped('mnist').name} 7 " in text and text.endswith(" ms")
