"""The bodies of answers below `/v1`, as `/openapi.json` describes them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ModelNames(_Answer):
    """KServe's list of models."""

    models: list[str]


class VersionStatus(_Answer):
    """Why a version is in its state."""

    error_code: str
    """`OK` or another of gRPC's names."""

    error_message: str


class VersionState(_Answer):
    """The state of one version."""

    version: str
    state: Literal["AVAILABLE", "END"]
    status: VersionStatus


class ModelState(_Answer):
    """A model's versions as TensorFlow Serving tells them, and its readiness as KServe does."""

    name: str
    ready: bool
    model_version_status: list[VersionState]


class ModelMetadata(_Answer):
    """The signature of a version, as TensorFlow Serving reads it out of a SavedModel."""

    model_spec: dict[str, str]
    metadata: dict[str, Any]


class Outputs(_Answer):
    """Both outputs for one picture, in class order."""

    probabilities: list[float]
    logits: list[float]


class OutputColumns(_Answer):
    """Both outputs, each for all pictures, in class order."""

    probabilities: list[list[float]]
    logits: list[list[float]]


class TensorPredictions(_Answer):
    """`predictions` for a request with `instances`, `outputs` for one with `inputs`."""

    predictions: list[Outputs] | None = None
    outputs: OutputColumns | None = None


class Classifications(_Answer):
    """For each example a pair of label and probability a class, in class order."""

    results: list[list[tuple[str, float]]]
