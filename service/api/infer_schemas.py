"""The bodies of answers below `/v2`, as `/openapi.json` describes them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Server(_Answer):
    """The server and which of the protocol's extensions it has."""

    name: str
    version: str
    extensions: list[str]


class Live(_Answer):
    """That the process answers."""

    live: bool


class Ready(_Answer):
    """That every model answers."""

    ready: bool
    live: bool


class ModelReady(_Answer):
    """That a version answers."""

    name: str
    ready: bool


class Names(_Answer):
    """The names of the models."""

    models: list[str]


class TensorMetadata(_Answer):
    """A tensor; -1 in its shape is the number of images."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] | None = None


class InferMetadata(_Answer):
    """A version's tensors."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Configuration(BaseModel):
    """A version's configuration in Triton's words."""

    name: str
    platform: str
    max_batch_size: int
    input: list[dict[str, Any]]
    output: list[dict[str, Any]]


class ModelStatistics(_Answer):
    """What was counted of each version, over all workers."""

    model_stats: list[dict[str, Any]]


class InferredTensor(_Answer):
    """One output; `data` is flat, and absent from a binary one."""

    name: str
    datatype: Literal["FP32", "BYTES"]
    shape: list[int]
    parameters: dict[str, Any] | None = None
    data: list[Any] | None = None


class Inferred(_Answer):
    """The outputs that were asked for, one row an image."""

    model_name: str
    model_version: str
    id: str
    outputs: list[InferredTensor]
    parameters: dict[str, Any] | None = None


class IndexEntry(_Answer):
    """One version on disk."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str


class Loaded(_Answer):
    """That a model is loaded."""

    name: str
    load: bool


class Unloaded(_Answer):
    """That a model was let go, which never happens: what is on disk is served."""

    name: str
    unload: bool
