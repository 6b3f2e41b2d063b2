"""The Open Inference Protocol below /v2: what it tells of server, models, repository."""

from typing import Any

import pytest
from werkzeug.test import Client

import service
from service import manifest as contract
from tests.app import app_over, loading_app
from tests.conftest import MODELS, REPOSITORY, SHIPPED, shipped
from tests.service.api.open_inference.infer import (
    INFER,
    VERSION,
    image,
    post,
    refused,
)


def test_the_server_tells_what_it_is(client: Client) -> None:
    for path in ("/v2", "/v2/"):
        told = client.get(path).get_json()
        assert told["name"] == "squint" and "binary_tensor_data" in told["extensions"]
        assert f'\nversion = "{told["version"]}"\n' in (REPOSITORY / "pyproject.toml").read_text()
    assert told["version"] == service.__version__


def test_health_is_told_in_the_body_too(client: Client) -> None:
    assert client.get("/v2/health/live").get_json() == {"live": True}
    assert client.get("/v2/health/ready").get_json() == {"ready": True, "live": True}
    for path in ("/v2/models/mnist/ready", f"/v2/models/mnist/versions/{VERSION}/ready"):
        assert client.get(path).get_json() == {"name": "mnist", "ready": True}


def test_before_the_models_are_loaded_it_lives_and_is_not_ready() -> None:
    waiting = loading_app(MODELS).test_client()
    assert waiting.get("/v2/health/live").status_code == 200
    answer = waiting.get("/v2/health/ready")
    assert (answer.status_code, answer.mimetype, answer.headers["Retry-After"]) == (503, "application/json", "1")
    assert answer.get_json()["ready"] is False and "being loaded" in answer.get_json()["error"]
    refused(waiting.get("/v2/models/mnist/ready"), 503, "being loaded")
    refused(post(waiting, {"inputs": [image()]}), 503, "being loaded")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_model_tells_its_tensors(client: Client, name: str) -> None:
    manifest = contract.read(shipped(name))
    for path in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{manifest.version}"):
        told = client.get(path).get_json()
        assert (told["name"], told["versions"]) == (name, [str(manifest.version)])
        assert told["platform"] == "litert_tflite"
        (taken,) = told["inputs"]
        assert "BYTES" in taken.pop("parameters")["accepts"]
        assert taken == {"name": "image", "datatype": "UINT8", "shape": [-1, *manifest.input.shape]}
        shape = [-1, len(manifest.labels)]
        assert told["outputs"] == [{"name": n, "datatype": "FP32", "shape": shape} for n in ("probabilities", "logits")]


def test_the_configuration_is_in_tritons_words(client: Client) -> None:
    for path in ("/v2/models/mnist/config", f"/v2/models/mnist/versions/{VERSION}/config"):
        told = client.get(path).get_json()
        assert (told["name"], told["max_batch_size"]) == ("mnist", 5)
        assert told["input"][0]["data_type"] == "TYPE_UINT8" and told["input"][0]["dims"] == [28, 28, 1]
        assert told["output"][0] == {"name": "probabilities", "data_type": "TYPE_FP32", "dims": [10]}


def test_the_models_are_listed(client: Client) -> None:
    assert client.get("/v2/models").get_json() == {"models": SHIPPED}


def test_unknown_models_versions_and_routes_are_404(client: Client) -> None:
    for path in ("ready", "config"):
        refused(client.get(f"/v2/models/nope/{path}"), 404, "'nope'")
        refused(client.get(f"/v2/models/mnist/versions/99/{path}"), 404, "99")
    refused(client.post("/v2/models/nope/infer", json={"inputs": [image()]}), 404, "'nope'")
    refused(client.post("/v2/models/mnist/versions/99/infer", json={"inputs": [image()]}), 404, "99")
    refused(client.get("/v2/models/mnist/versions/one"), 404)
    refused(client.get("/v2/trace/setting"), 404)


def test_a_wrong_method_is_405(client: Client) -> None:
    refused(client.get(INFER), 405, "POST")
    refused(client.post("/v2/models/mnist"), 405, "GET")


def test_the_repository_is_listed_with_what_cannot_be_served(models_dir: Any) -> None:
    (models_dir / "mnist" / "1").rename(models_dir / "mnist" / "3")
    client = app_over(models_dir).test_client()
    for path in ("/v2/repository/index", "/v2/repository/mine/index"):
        (entry,) = client.post(path).get_json()
        assert (entry["name"], entry["version"], entry["state"]) == ("mnist", "3", "UNAVAILABLE")
        assert "manifest of mnist/1" in entry["reason"]
        assert client.post(path, json={"ready": True}).get_json() == []


def test_the_repository_lists_what_is_served(client: Client) -> None:
    for body in (b"", b"{}", b'{"ready": true}'):
        entries = client.post("/v2/repository/index", data=body).get_json()
        assert {"name": "mnist", "version": VERSION, "state": "READY", "reason": ""} in entries
    refused(client.post("/v2/repository/index", data=b"["), 400, "JSON")
    refused(client.post("/v2/repository/index", json={"ready": "yes"}), 400, "ready")
