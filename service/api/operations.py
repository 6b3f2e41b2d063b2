"""What may be asked of the service, as `/openapi.json` describes it; a test holds the list against the routes."""

from collections.abc import Iterator

from service.api import schemas
from service.api.open_inference import operations as infer_operations
from service.api.openapi import Json, Operation, parameter, reference
from service.api.tensorflow_serving import operations as tensorflow_operations
from service.api.uploads import FIELD
from service.images.decode import FORMATS

_MODEL = parameter("path", "name", {"type": "string"}, "name of the model, as in `GET /models`")
_VERSION = parameter("path", "version", {"type": "integer", "minimum": 1}, "number of the version")
_LABEL = parameter("path", "label", {"type": "string"}, "version label, such as `stable`")
_INDEX = parameter("path", "index", {"type": "integer", "minimum": 0}, "number of the picture")
_TOP_K = parameter(
    "query", "top_k", {"type": "integer", "minimum": 1}, "also this many labels, the most probable first"
)
_SEEN = parameter(
    "query", "seen", {"type": "integer", "enum": [0, 1]}, "1: also what the model saw and how it came about"
)
_TIMEOUT = parameter(
    "header", "X-Request-Timeout", {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?$"}, "seconds, such as 0.5"
)
_FORMATS = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
_PICTURE: Json = {"type": "string", "format": "binary", "description": _FORMATS}
_UPLOAD: Json = {
    "required": True,
    "description": "Pictures: parts of a form, base64 in JSON, or one file as it is.",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [FIELD],
                "properties": {FIELD: {"type": "array", "minItems": 1, "items": _PICTURE}},
            }
        },
        "application/json": {"schema": reference(schemas.PredictBody)},
        "image/*": {"schema": _PICTURE},
        "application/octet-stream": {"schema": _PICTURE},
    },
}
_PREDICT_FAULTS = (400, 404, 413, 415, 422, 429, 503, 504)


def _predict(path: str, *parameters: Json) -> Operation:
    return Operation(
        "post",
        f"{path}/predict",
        "Classify pictures",
        schemas.Predictions,
        _PREDICT_FAULTS,
        [*parameters, _TOP_K, _SEEN, _TIMEOUT],
        _UPLOAD,
    )


def _examples(path: str, *parameters: Json) -> Iterator[Operation]:
    yield Operation("get", f"{path}/examples", "Pictures to try", schemas.Examples, (404, 503), parameters)
    one = [*parameters, _INDEX]
    yield Operation("get", f"{path}/examples/{{index}}.png", "One of them", "image/png", (404, 503), one)


OPERATIONS: tuple[Operation, ...] = (
    Operation("get", "/models", "Every model, its versions and the one that answers by default", schemas.Models),
    Operation("get", "/models/{name}", "One model and its default version", schemas.Model, (404, 503), [_MODEL]),
    _predict("/models/{name}", _MODEL),
    Operation("get", "/models/{name}/versions/{version}", "One version", schemas.Model, (404, 503), [_MODEL, _VERSION]),
    _predict("/models/{name}/versions/{version}", _MODEL, _VERSION),
    Operation("get", "/models/{name}/labels/{label}", "A label's version", schemas.Model, (404, 503), [_MODEL, _LABEL]),
    _predict("/models/{name}/labels/{label}", _MODEL, _LABEL),
    *_examples("/models/{name}", _MODEL),
    *_examples("/models/{name}/versions/{version}", _MODEL, _VERSION),
    Operation("get", "/livez", "Is the process alive?", schemas.Status),
    Operation("get", "/readyz", "May it be sent requests?", schemas.Status, (503,)),
    Operation("get", "/metrics", "Counts for Prometheus", "text/plain"),
    Operation("get", "/openapi.json", "This document", "application/json"),
    Operation("get", "/docs", "This document, for people", "text/html"),
    Operation("get", "/", "A page for browsers, which ask for HTML; for others that it is alive", schemas.Status),
    *tensorflow_operations.OPERATIONS,
    *infer_operations.OPERATIONS,
)
