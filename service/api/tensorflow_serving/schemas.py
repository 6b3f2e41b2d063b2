"""The bodies of answers below `/v1`, as `/openapi.json` describes them."""

from typing import Any, Literal

from service.api.schemas import Answer


class ModelNames(Answer):
    """KServe's list of models."""

    models: list[str]


class VersionStatus(Answer):
    """Why a version is in its state."""

    error_code: str
    """`OK` or another of gRPC's names."""

    error_message: str


class VersionState(Answer):
    """The state of one version."""

    version: str
    state: Literal["AVAILABLE", "END"]
    status: VersionStatus


class ModelState(Answer):
    """A model's versions as TensorFlow Serving tells them, and its readiness as KServe does."""

    name: str
    ready: bool
    model_version_status: list[VersionState]


class ModelMetadata(Answer):
    """The signature of a version, as TensorFlow Serving reads it out of a SavedModel."""

    model_spec: dict[str, str]
    metadata: dict[str, Any]


class Outputs(Answer):
    """Both outputs for one picture, in class order."""

    probabilities: list[float]
    logits: list[float]


class OutputColumns(Answer):
    """Both outputs, each for all pictures, in class order."""

    probabilities: list[list[float]]
    logits: list[list[float]]


class TensorPredictions(Answer):
    """`predictions` for a request with `instances`, `outputs` for one with `inputs`."""

    predictions: list[Outputs] | None = None
    outputs: OutputColumns | None = None


class Classifications(Answer):
    """For each example a pair of label and probability a class, in class order."""

    results: list[list[tuple[str, float]]]
