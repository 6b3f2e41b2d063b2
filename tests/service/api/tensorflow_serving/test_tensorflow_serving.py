"""TF Serving's REST API and KServe's first one: their paths, their bodies, their words for what is wrong."""

import base64
import gzip
import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from werkzeug.test import Client, TestResponse

from service.inference.registry import Model, Registry
from tests.app import App, app_over, loading_app
from tests.conftest import MODELS, SHIPPED, golden, shipped

MNIST = "/v1/models/mnist"
VERSION = int(shipped("mnist").name)


def b64(file: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(file).decode()}


def tensor(file: bytes) -> Any:
    """A data set picture as nested lists `[height, width, channels]`."""
    array = np.asarray(Image.open(BytesIO(file)))
    return (array if array.ndim == 3 else array[:, :, None]).tolist()


def fault(response: TestResponse, status: int) -> str:
    """The sentence of an answer that must be a fault of the protocol's shape."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json" and list(response.get_json()) == ["error"]
    return str(response.get_json()["error"])


SEVEN, PIXELS = b64(golden()), tensor(golden())


def test_pictures_are_answered_in_their_order_however_they_are_written(client: Client) -> None:
    digits = [3, 1, 4, 1, 5]
    files = [golden(label=digit) for digit in digits]
    mixed = [b64(file) if at % 2 else tensor(file) for at, file in enumerate(files)]
    answer = client.post(f"{MNIST}:predict", json={"instances": mixed}).get_json()
    assert [int(np.argmax(one["probabilities"])) for one in answer["predictions"]] == digits
    answer = client.post(f"{MNIST}:predict", json={"inputs": {"image": mixed}}).get_json()
    assert np.argmax(answer["outputs"]["probabilities"], axis=1).tolist() == digits


def test_grey_pictures_may_leave_out_the_axis_of_the_one_channel(client: Client) -> None:
    flat = np.asarray(PIXELS)[:, :, 0].tolist()
    answers = [client.post(f"{MNIST}:predict", json={"instances": [one]}).get_json() for one in (PIXELS, flat)]
    assert answers[0] == answers[1] and "predictions" in answers[0]


def test_the_feature_of_an_example_may_be_one_flat_list_or_come_from_the_context(client: Client) -> None:
    numbers = np.asarray(PIXELS).ravel().tolist()
    expected = client.post(f"{MNIST}:classify", json={"examples": [{"image": PIXELS}]}).get_json()
    for body in (
        {"examples": [{"image": numbers, "other": ["ignored"]}]},
        {"context": {"image": numbers}, "examples": [{}]},
    ):
        assert client.post(f"{MNIST}:classify", json=body).get_json() == expected
    assert "results" in expected


@pytest.mark.parametrize(
    "extra",
    [{"signature_name": "serving_default"}, {"signature_name": ""}, {"unknown": {"keys": [1, None]}}],
    ids=["named signature", "default signature", "unknown keys"],
)
def test_other_keys_change_nothing(client: Client, extra: dict[str, Any]) -> None:
    body = {"instances": [SEVEN]}
    for changed in ({**body, **extra}, {**extra, **body}):
        assert client.post(f"{MNIST}:predict", json=changed).get_json() == (
            client.post(f"{MNIST}:predict", json=body).get_json()
        )


@pytest.mark.parametrize(
    "path",
    [
        f"{MNIST}/versions/{VERSION}:predict",
        f"{MNIST}/versions/0{VERSION}:predict",
        "/v1/models/m%6Eist:predict",
        f"{MNIST}%3Apredict",
        f"{MNIST}:predict?timeout=5",
    ],
)
def test_paths_may_be_percent_encoded_and_have_a_query(client: Client, path: str) -> None:
    answer = client.post(path, json={"instances": [SEVEN]})
    assert answer.get_json() == client.post(f"{MNIST}:predict", json={"instances": [SEVEN]}).get_json()
    assert answer.status_code == 200


def test_the_content_type_is_not_looked_at_and_the_body_may_be_compressed(client: Client) -> None:
    body = json.dumps({"instances": [PIXELS]}).encode()
    expected = client.post(f"{MNIST}:predict", data=body, content_type="application/json").get_json()
    for content_type in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert client.post(f"{MNIST}:predict", data=body, content_type=content_type).get_json() == expected
    packed = client.post(f"{MNIST}:predict", data=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert packed.get_json() == expected and "predictions" in expected


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{MNIST}:predict"),
        ("POST", MNIST),
        ("GET", f"{MNIST}/version/50"),
        ("POST", f"{MNIST}/versions/HELLO:predict"),
        ("POST", f"{MNIST}/versions/-1:predict"),
        ("POST", f"{MNIST}/versions/1/labels/x:predict"),
        ("POST", f"{MNIST}:explain"),
        ("POST", "/v1/models/:predict"),
        ("GET", "/v1/models/a/b"),
        ("GET", "/v1/models/"),
        ("GET", "/v1"),
        ("GET", f"{MNIST}/METADATA"),
        ("POST", f"{MNIST}:regress"),
    ],
)
def test_any_other_request_below_v1_is_malformed(client: Client, method: str, path: str) -> None:
    assert fault(client.open(path, method=method), 400) == f"Malformed request: {method} {path}"


NOT_FOUND = "Servable not found for request: "


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("POST", "/v1/models/none:predict", 404, f"{NOT_FOUND}Latest(none)"),
        ("POST", f"{MNIST}/versions/99:predict", 404, f"{NOT_FOUND}Specific(mnist, 99)"),
        ("POST", f"{MNIST}/labels/none:predict", 400, "Unrecognized servable version label: none"),
        ("GET", "/v1/models/none/metadata", 404, f"{NOT_FOUND}Latest(none)"),
        ("GET", f"{MNIST}/versions/99/metadata", 404, f"{NOT_FOUND}Specific(mnist, 99)"),
        ("GET", "/v1/models/none", 404, "Could not find any versions of model none"),
        ("GET", f"{MNIST}/versions/99", 404, "Could not find version 99 of model mnist"),
        ("GET", f"{MNIST}/labels/none", 400, "Unrecognized servable version label: none"),
        ("POST", f"{MNIST}/versions/{2**63}:predict", 400, f"Failed to convert version: {2**63} to numeric."),
        ("POST", f"{MNIST}/versions/{'9' * 5000}:predict", 400, "Failed to convert version: 9"),
    ],
)
def test_what_there_is_not_is_told_in_tf_servings_words(
    client: Client, method: str, path: str, status: int, text: str
) -> None:
    assert fault(client.open(path, method=method, json={} if method == "POST" else None), status).startswith(text)


def test_models_are_listed_by_name(client: Client) -> None:
    assert client.get("/v1/models").get_json() == {"models": SHIPPED}


def test_the_state_of_a_model_is_both_protocols(client: Client) -> None:
    available = {"version": str(VERSION), "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    expected = {"name": "mnist", "ready": True, "model_version_status": [available]}
    assert client.get(MNIST).get_json() == expected
    assert client.get(f"{MNIST}/versions/{VERSION}").get_json() == expected
    assert client.head(MNIST).status_code == 200


def test_a_model_without_a_good_version_is_503_with_its_states(models_dir: Path) -> None:
    (models_dir / "mnist" / "1" / "model.tflite").write_bytes(b"broken")
    client = app_over(models_dir).test_client()
    for path in (MNIST, f"{MNIST}/versions/1"):
        answer = client.get(path)
        body = answer.get_json()
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert body["ready"] is False and "mnist" in body["error"]
        (state,) = body["model_version_status"]
        assert (state["version"], state["state"]) == ("1", "END")
        assert state["status"]["error_code"] != "OK" and "model.tflite" in state["status"]["error_message"]
    for answer in (
        client.post(f"{MNIST}:predict", json={"instances": [SEVEN]}),
        client.post(f"{MNIST}/versions/1:predict", json={"instances": [SEVEN]}),
        client.get(f"{MNIST}/metadata"),
    ):
        assert "could be loaded" in fault(answer, 503) or "could not be loaded" in fault(answer, 503)


def test_before_the_models_are_loaded_everything_is_503() -> None:
    waiting = loading_app(MODELS).test_client()
    for answer in (waiting.get("/v1/models"), waiting.get(MNIST), waiting.post(f"{MNIST}:predict", json={})):
        assert "being loaded" in fault(answer, 503) and answer.headers["Retry-After"]


def test_a_label_names_a_version_on_every_path(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Registry.model

    def labelled(registry: Registry, name: str) -> Model:
        return replace(model(registry, name), labels={"Stable": VERSION})

    monkeypatch.setattr(Registry, "model", labelled)
    client = app.test_client()
    for path in ("", "/metadata"):
        assert client.get(f"/v1/models/mnist/labels/Stable{path}").get_json() == client.get(MNIST + path).get_json()
    answer = client.post(f"{MNIST}/labels/Stable:predict", json={"instances": [SEVEN]})
    assert answer.get_json() == client.post(f"{MNIST}:predict", json={"instances": [SEVEN]}).get_json()
    assert answer.status_code == 200


@pytest.mark.parametrize("model", SHIPPED)
def test_the_metadata_is_what_tf_serving_reads_out_of_the_savedmodel(client: Client, model: str) -> None:
    from google.protobuf import json_format
    from tensorflow.core.protobuf import saved_model_pb2

    folder = shipped(model)
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    described = json_format.MessageToDict(
        saved.meta_graphs[0].signature_def["serving_default"],
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    answer = client.get(f"/v1/models/{model}/metadata").get_json()
    assert answer == {
        "model_spec": {"name": model, "signature_name": "", "version": folder.name},
        "metadata": {"signature_def": {"signature_def": {"serving_default": described}}},
    }
