"""`/openapi.json`, from the schemas that the code validates with."""

import functools
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Blueprint, jsonify
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service import __version__
from service.api import schemas
from service.api.open_inference.schemas import IndexBody, InferBody

Json = dict[str, Any]
Answer = type[BaseModel] | list[type[BaseModel]] | str

_REFERENCE = "#/components/schemas/{model}"
_DESCRIPTION = "Upload any picture, get a class name and honest probabilities. Every answer carries `X-Request-ID`."
# By the beginning of the path; the first that fits counts.
_TAGS: Mapping[str, str] = {
    "/models": "Pictures in, labels out",
    "/v1": "TensorFlow Serving and KServe v1",
    "/v2": "Open Inference Protocol",
    "/": "The service itself",
}


class Operation(NamedTuple):
    """One method of one path, as the document describes it.

    `answer` is a schema, in a list where it is a list of these, or a media type. `faults` are the statuses of the
    problem documents it may answer with.
    """

    method: str
    path: str
    summary: str
    answer: Answer
    faults: Sequence[int] = ()
    parameters: Sequence[Json] = ()
    body: Json | None = None


def parameter(place: str, name: str, schema: Mapping[str, Any], description: str) -> Json:
    """A parameter in the path, the query or a header."""
    stated = {"name": name, "in": place, "description": description, "schema": dict(schema)}
    return stated | ({"required": True} if place == "path" else {})


def reference(model: type[BaseModel]) -> Json:
    """A schema by its name among the components."""
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def document(operations: Sequence[Operation]) -> Json:
    """The whole OpenAPI 3.1 document."""
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    answers = [model for operation in operations for model in _models(operation.answer)]
    models = dict.fromkeys(
        [*answers, schemas.PredictBody, InferBody, IndexBody, schemas.Problem, schemas.ProtocolError]
    )
    modes: Any = [(model, "validation") for model in models]
    _, components = models_json_schema(modes, ref_template=_REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Squint", "version": __version__, "description": _DESCRIPTION},
        "paths": paths,
        "components": {"schemas": components["$defs"]},
    }


def _described(operation: Operation) -> Json:
    responses = {"200": _success(operation.answer)}
    responses |= {str(status): _fault(operation.path, status) for status in operation.faults}
    described: Json = {"summary": operation.summary, "tags": [_tag(operation.path)], "responses": responses}
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.body:
        described["requestBody"] = operation.body
    return described


def _tag(path: str) -> str:
    """The heading under which people find an operation."""
    return next(words for start, words in _TAGS.items() if path.startswith(start))


def _models(answer: Answer) -> Sequence[type[BaseModel]]:
    if isinstance(answer, str):
        return []
    return answer if isinstance(answer, list) else [answer]


def _success(answer: Answer) -> Json:
    if isinstance(answer, str):
        return {"description": "as asked for", "content": {answer: {}}}
    items = reference(_models(answer)[0])
    schema = {"type": "array", "items": items} if isinstance(answer, list) else items
    return {"description": "as asked for", "content": {"application/json": {"schema": schema}}}


def _fault(path: str, status: int) -> Json:
    protocol = path.startswith(("/v1", "/v2"))
    model, media = (schemas.ProtocolError, "json") if protocol else (schemas.Problem, "problem+json")
    return {
        "description": HTTPStatus(status).phrase,
        "content": {f"application/{media}": {"schema": reference(model)}},
    }


def blueprint(operations: Sequence[Operation]) -> Blueprint:
    """`/openapi.json`."""
    routes = Blueprint("openapi", __name__)
    made = functools.cache(lambda: document(operations))
    routes.add_url_rule("/openapi.json", "document", lambda: jsonify(made()))
    return routes
