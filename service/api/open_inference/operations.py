"""What may be asked below `/v2`, as `/openapi.json` describes it."""

from collections.abc import Iterator

from service.api.open_inference import schemas as infer_schemas
from service.api.openapi import Json, Operation, parameter, reference

_WORD = {"type": "string", "pattern": "^[^/]+$"}
_MODEL = parameter("path", "name", _WORD, "name of the model, as in `GET /v2/models`")
_VERSION = parameter("path", "version", {"type": "integer", "minimum": 0}, "number of the version")
_REPOSITORY = parameter("path", "repository", _WORD, "any name: there is one repository")
_FAULTS = (400, 404, 503)
_INFER_FAULTS = (400, 404, 413, 415, 422, 429, 500, 503, 504)
_INFER: Json = {
    "required": True,
    "description": "Tensors in JSON, or behind it as binary data, as `Inference-Header-Content-Length` says.",
    "content": {
        "application/json": {"schema": reference(infer_schemas.InferBody)},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}
_INDEX: Json = {"content": {"application/json": {"schema": reference(infer_schemas.IndexBody)}}}


def _operations(path: str, *parameters: Json) -> Iterator[Operation]:
    for suffix, summary, answer in (
        ("", "Tensors of a version", infer_schemas.InferMetadata),
        ("/ready", "Does a version answer?", infer_schemas.ModelReady),
        ("/config", "Configuration of a version", infer_schemas.Configuration),
    ):
        yield Operation("get", f"{path}{suffix}", summary, answer, _FAULTS, parameters)
    yield Operation("post", f"{path}/infer", "Infer", infer_schemas.Inferred, _INFER_FAULTS, parameters, _INFER)


def _repository() -> Iterator[Operation]:
    faults = (400, 413, 415, 503)
    for path, parameters in (("/v2/repository/index", ()), ("/v2/repository/{repository}/index", (_REPOSITORY,))):
        yield Operation("post", path, "Versions on disk", [infer_schemas.IndexEntry], faults, parameters, _INDEX)


OPERATIONS: tuple[Operation, ...] = (
    Operation("get", "/v2", "What this server can do", infer_schemas.Server),
    Operation("get", "/v2/", "The same", infer_schemas.Server),
    Operation("get", "/v2/health/live", "Is the process alive?", infer_schemas.Live),
    Operation("get", "/v2/health/ready", "May it be sent requests?", infer_schemas.Ready, (503,)),
    Operation("get", "/v2/models", "Names of the models", infer_schemas.Names, (503,)),
    *_operations("/v2/models/{name}", _MODEL),
    *_operations("/v2/models/{name}/versions/{version}", _MODEL, _VERSION),
    *_repository(),
)
