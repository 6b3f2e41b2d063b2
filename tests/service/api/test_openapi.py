"""The document is true: every route is in it, and every answer is as it says."""

import base64
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import unsupported_method

from service.api.operations import OPERATIONS
from tests.conftest import MODELS, app_over, golden

APP = app_over(MODELS, max_images=5, max_request_bytes=200_000)
PICTURE = base64.b64encode(golden()).decode()
SCHEMA = schemathesis.openapi.from_wsgi("/openapi.json", APP)


def template(rule: str) -> str:
    """A route of Flask's as OpenAPI writes it."""
    return re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule)


def test_every_route_is_described_and_nothing_else(app: Flask) -> None:
    served = {
        (method.lower(), template(rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(operation.method, operation.path) for operation in OPERATIONS}
    assert served - {("get", "/docs/{name}"), ("get", "/static/{name}")} == described


def test_the_document_is_a_valid_one(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    assert document["openapi"] == "3.1.0"
    tags = {path: one["tags"] for path, operations in document["paths"].items() for one in operations.values()}
    assert tags["/v2/models"] == ["Open Inference Protocol"] and tags["/livez"] == ["The service itself"]
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


@SCHEMA.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_is_answered_otherwise_than_described(case: schemathesis.Case[Any]) -> None:
    # TF Serving answers a wrong method with 400.
    other_methods = [unsupported_method] if case.path.startswith("/v1/") else []
    # Schemathesis does not inflate what it gets from an app.
    case.call_and_validate(excluded_checks=other_methods, headers={"Accept-Encoding": "identity"})


@pytest.mark.parametrize(
    "path",
    ["/models", "/models/mnist", "/models/mnist/predict?top_k=2&seen=1", "/v1/models", "/v1/models/mnist",
     "/v1/models/mnist/metadata", "/models/mnist/examples", "/", "/v2", "/v2/", "/v2/health/live", "/v2/health/ready",
     "/v2/models", "/v2/models/mnist", "/v2/models/mnist/ready", "/v2/models/mnist/config"],
)  # fmt: skip
def test_real_answers_fit_their_schema(client: FlaskClient, path: str) -> None:
    document = client.get("/openapi.json").get_json()
    method = "post" if "predict" in path else "get"
    answer = client.open(path, method=method, data=golden() if method == "post" else None).get_json()
    described = document["paths"][path.partition("?")[0].replace("mnist", "{name}")][method]
    schema = described["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer, schema | {"components": document["components"]})


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("predict", {"instances": [{"b64": PICTURE}]}),
        ("predict", {"inputs": {"image": [{"b64": PICTURE}]}}),
        ("classify", {"examples": [{"image": {"b64": PICTURE}}]}),
    ],
)
def test_tensorflow_servings_requests_and_answers_fit_their_schemas(
    client: FlaskClient, verb: str, body: dict[str, Any]
) -> None:
    document = client.get("/openapi.json").get_json()
    described = document["paths"][f"/v1/models/{{name}}:{verb}"]["post"]
    answer = client.post(f"/v1/models/mnist:{verb}", json=body).get_json()
    for value, content in ((body, described["requestBody"]), (answer, described["responses"]["200"])):
        schema = content["content"]["application/json"]["schema"]
        jsonschema.validate(value, schema | {"components": document["components"]})


def test_the_page_of_the_document_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200 and "default-src 'none'" in page.headers["Content-Security-Policy"]
    for link in re.findall(r'(?:src|href)="((?!data:)[^"]+)"', page.text):
        assert client.get(f"/{link}").status_code == 200, link
    assert client.get("/docs/..%2f..%2fsettings.py").status_code == 404


def test_requests_and_answers_of_the_open_inference_protocol_fit_their_schemas(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    described = document["paths"]["/v2/models/{name}/infer"]["post"]
    body = {"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [PICTURE]}]}
    sent = described["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.validate(body, sent | {"components": document["components"]})
    answer = client.post("/v2/models/mnist/infer", json=body).get_json()
    given = described["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer, given | {"components": document["components"]})
    index = client.post("/v2/repository/index", json={}).get_json()
    listed = document["paths"]["/v2/repository/index"]["post"]["responses"]["200"]["content"]["application/json"]
    jsonschema.validate(index, listed["schema"] | {"components": document["components"]})


def test_a_folder_that_cannot_be_read_is_told_as_described(tmp_path: Path) -> None:
    client = app_over(tmp_path / "absent").test_client()
    document = client.get("/openapi.json").get_json()
    answer = client.get("/models").get_json()
    assert answer["fault"]
    schema = document["paths"]["/models"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer, schema | {"components": document["components"]})
