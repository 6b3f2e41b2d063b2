"""The document is true: every route and error code is in it, and every answer is as it says."""

import ast
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method
from werkzeug.test import Client

import service
from service import errors
from service.api import docs, problems
from service.asgi import PROBES
from service.errors import Fault
from service.images.decode import FORMATS
from tests.app import App, app_over
from tests.conftest import MODELS, REPOSITORY, golden

APP = app_over(MODELS, max_images=5, max_request_bytes=200_000)
PICTURE = base64.b64encode(golden()).decode()
SCHEMA = schemathesis.openapi.from_wsgi("/openapi.json", APP.wsgi)
DOCUMENT: dict[str, Any] = json.loads(docs.as_json())
SOURCES = [ast.parse(path.read_text()) for path in sorted((REPOSITORY / "service").rglob("*.py"))]


def template(rule: str) -> str:
    """A route of Flask's as OpenAPI writes it."""
    return re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule)


def test_every_route_is_described_and_nothing_else(app: App) -> None:
    served = {
        (method.lower(), template(rule.rule))
        for rule in app.flask.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    } | {("get", path) for path in PROBES}
    described = {
        (method, path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations.keys() & {"get", "post", "put", "patch", "delete"}
    }
    assert served - {("get", "/docs/{name}"), ("get", "/static/{name}")} == described


def raised_codes() -> Iterator[str]:
    """The code of every fault that has a status, and those that the source states where it raises or answers one."""
    yield from (fault.code for fault in problems.STATUS if "code" in vars(fault))
    yield from problems.HTTP_CODES.values()
    calls = [node for tree in SOURCES for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in calls:
        place = {"RequestFault": 0, "problem": 1}.get(getattr(call.func, "id", ""))
        if place is not None and isinstance(literal := call.args[place], ast.Constant):
            yield str(literal.value)


def test_every_fault_is_described_or_never_answered_over_http() -> None:
    faults = {fault for module in (errors, problems) for fault in vars(module).values() if isinstance(fault, type)}
    without = {fault for fault in faults if issubclass(fault, Fault)} - set(problems.STATUS)
    # The bases, the one that takes the code of its cause, and what a folder is refused with before it is served.
    assert without == {Fault, errors.ImageFault, problems.UploadFault, errors.ModelFault}


def test_every_error_code_is_in_the_document() -> None:
    listed = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    assert len(listed) == len(set(listed)) and set(raised_codes()) <= set(listed)


def test_the_document_lists_no_error_code_that_the_source_lacks() -> None:
    texts = {node.value for tree in SOURCES for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert set(DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) <= texts


def test_the_document_is_a_valid_one(client: Client) -> None:
    document = client.get("/openapi.json").get_json()
    assert document["openapi"] == "3.1.0" and document["info"]["version"] == service.__version__
    assert client.get("/openapi.yaml").data == docs.DOCUMENT.read_bytes()
    paths = document["paths"]
    assert paths["/v2/models"]["get"]["tags"] == ["Open Inference Protocol"]
    assert paths["/livez"]["get"]["tags"] == ["The service itself"]
    assert all(name in document["components"]["schemas"]["ImageFile"]["description"] for name in FORMATS)
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_part_of_the_document_is_used_and_every_used_part_exists() -> None:
    used = {tuple(name.split("/")) for name in re.findall(r'"#/components/([^"]+)"', docs.as_json())}
    parts = {kind: part for kind, part in DOCUMENT["components"].items() if kind != "securitySchemes"}
    assert used == {(kind, name) for kind, part in parts.items() for name in part}
    tags = {
        tag
        for path in DOCUMENT["paths"].values()
        for key in ("get", "post")
        for tag in path.get(key, {}).get("tags", [])
    }
    assert tags == {tag["name"] for tag in DOCUMENT["tags"]}


def examples(node: Any) -> Iterator[dict[str, Any]]:
    """Every part of the document that has a schema and an example."""
    if isinstance(node, dict):
        if "schema" in node and "example" in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from examples(one)


def test_every_example_fits_its_schema() -> None:
    found = list(examples(DOCUMENT))
    assert len(found) > 40
    for one in found:
        jsonschema.validate(one["example"], one["schema"] | {"components": DOCUMENT["components"]})


def fits(value: Any, described: dict[str, Any]) -> None:
    """The value is as the document describes a JSON body."""
    schema = described["content"]["application/json"]["schema"]
    jsonschema.validate(value, schema | {"components": DOCUMENT["components"]})


# No shipped model has a version label.
@pytest.mark.parametrize(
    "path", [path for path, one in DOCUMENT["paths"].items() if "post" in one and "{label}" not in path]
)
def test_the_example_of_a_request_is_answered_as_described(client: Client, path: str) -> None:
    operation = DOCUMENT["paths"][path]["post"]
    body = operation["requestBody"]["content"]["application/json"]["example"]
    values = {name: DOCUMENT["components"]["parameters"][name]["example"] for name in ("name", "version", "repository")}
    answer = client.post(path.format(**values), json=body)
    assert answer.status_code == 200
    fits(answer.get_json(), operation["responses"]["200"])


def test_the_column_format_of_tensorflow_serving_is_described(client: Client) -> None:
    operation = DOCUMENT["paths"]["/v1/models/{name}:predict"]["post"]
    for inputs in ([{"b64": PICTURE}], {"image": [{"b64": PICTURE}]}):
        fits({"inputs": inputs}, operation["requestBody"])
        answer = client.post("/v1/models/mnist:predict", json={"inputs": inputs}).get_json()
        assert "outputs" in answer
        fits(answer, operation["responses"]["200"])


@SCHEMA.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_is_answered_otherwise_than_described(case: schemathesis.Case[Any]) -> None:
    # No schema says which bytes are an image, and a deadline that has passed is a 504.
    excluded: list[CheckFunction] = [positive_data_acceptance, not_a_server_error]
    # TF Serving answers a wrong method with 400.
    excluded += [unsupported_method] if case.path.startswith("/v1/") else []
    # Schemathesis does not inflate what it gets from an app.
    response = case.call_and_validate(excluded_checks=excluded, headers={"Accept-Encoding": "identity"})
    assert response.status_code != 500


@pytest.mark.parametrize(
    "path",
    ["/models", "/models/mnist", "/models/mnist/predict?top_k=2&seen=1", "/v1/models", "/v1/models/mnist",
     "/v1/models/mnist/metadata", "/models/mnist/examples", "/", "/v2", "/v2/", "/v2/health/live", "/v2/health/ready",
     "/v2/models", "/v2/models/mnist", "/v2/models/mnist/ready", "/v2/models/mnist/config"],
)  # fmt: skip
def test_real_answers_fit_their_schema(client: Client, path: str) -> None:
    method = "post" if "predict" in path else "get"
    answer = (client.post(path, data=golden()) if method == "post" else client.get(path)).get_json()
    described = DOCUMENT["paths"][path.partition("?")[0].replace("mnist", "{name}")][method]
    fits(answer, described["responses"]["200"])


def test_the_page_of_the_document_needs_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200 and "default-src 'none'" in page.headers["Content-Security-Policy"]
    for link in re.findall(r'(?:src|href)="((?!data:)[^"]+)"', page.text):
        assert client.get(f"/{link}").status_code == 200, link
    assert client.get("/docs/..%2f..%2fsettings.py").status_code == 404


def test_a_folder_that_cannot_be_read_is_reported_as_described(tmp_path: Path) -> None:
    answer = app_over(tmp_path / "absent").test_client().get("/models").get_json()
    assert answer["fault"]
    fits(answer, DOCUMENT["paths"]["/models"]["get"]["responses"]["200"])
