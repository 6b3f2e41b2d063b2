"""What may be asked below `/v1`, as `/openapi.json` describes it."""

from collections.abc import Iterator

from service.api.openapi import Json, Operation, parameter
from service.api.tensorflow_serving import schemas
from service.manifest import INPUT_NAME, SIGNATURE

_WORD = {"type": "string", "pattern": "^[^/:]+$"}
_MODEL = parameter("path", "name", _WORD, "name of the model, as in `GET /v1/models`")
_VERSION = parameter(
    "path", "version", {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, "number of the version"
)
_LABEL = parameter("path", "label", _WORD, "label of the version")
_FAULTS = (400, 404, 503)
_PREDICT_FAULTS = (400, 404, 413, 415, 422, 429, 500, 503, 504)
_FILE: Json = {
    "type": "object",
    "required": ["b64"],
    "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
    "additionalProperties": False,
}
_PICTURE: Json = {
    "description": "nested lists of whole numbers from 0 to 255, as the metadata states, or a picture file",
    "anyOf": [{"type": "array"}, _FILE],
}
_NAMED: Json = {"type": "object", "required": [INPUT_NAME], "properties": {INPUT_NAME: _PICTURE}}
_PICTURES: Json = {"type": "array", "minItems": 1, "items": _PICTURE}
_SIGNATURE: Json = {"type": "string", "enum": [SIGNATURE, ""]}


def _list(items: Json) -> Json:
    return {"type": "array", "minItems": 1, "items": items}


def _body(**forms: Json) -> Json:
    """A body that holds one of these keys."""
    schema = {
        "type": "object",
        "properties": {"signature_name": _SIGNATURE, **forms},
        "oneOf": [{"required": [key]} for key in forms],
    }
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_PREDICT = _body(
    instances=_list({"anyOf": [_PICTURE, _NAMED]}),
    inputs={"anyOf": [_PICTURES, {"type": "object", "required": [INPUT_NAME], "properties": {INPUT_NAME: _PICTURES}}]},
)
_EXAMPLES = _body(examples=_list(_NAMED))


def _operations(path: str, *parameters: Json) -> Iterator[Operation]:
    state, metadata = "State of a model's versions", "Signature of a version"
    yield Operation("get", path, state, schemas.ModelState, _FAULTS, parameters)
    yield Operation("get", f"{path}/metadata", metadata, schemas.ModelMetadata, _FAULTS, parameters)
    for verb, summary, answer, body in (
        ("predict", "Probabilities and logits", schemas.TensorPredictions, _PREDICT),
        ("classify", "Labels and their probabilities", schemas.Classifications, _EXAMPLES),
    ):
        yield Operation("post", f"{path}:{verb}", summary, answer, _PREDICT_FAULTS, parameters, body)


OPERATIONS: tuple[Operation, ...] = (
    Operation("get", "/v1/models", "Names of the models", schemas.ModelNames, (503,)),
    *_operations("/v1/models/{name}", _MODEL),
    *_operations("/v1/models/{name}/versions/{version}", _MODEL, _VERSION),
    *_operations("/v1/models/{name}/labels/{label}", _MODEL, _LABEL),
)
