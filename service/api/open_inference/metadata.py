"""What the Open Inference Protocol tells of a server and of a model version."""

from collections.abc import Mapping
from typing import Any

import service
from service.api.open_inference import infer_request
from service.api.open_inference.tensors import FP32, UINT8
from service.inference.classifier import Classifier
from service.inference.registry import Model
from service.manifest import INPUT_NAME, OUTPUT_NAMES, EngineName

# `<project>_<format>`, as the protocol has it.
_PLATFORMS: dict[EngineName, str] = {"litert": "litert_tflite", "tensorflow": "tensorflow_savedmodel"}
_EXTENSIONS = ("binary_tensor_data", "classification", "model_configuration", "model_repository")


def of_server() -> dict[str, Any]:
    """The server and which of the protocol's extensions it has."""
    return {"name": "squint", "version": service.__version__, "extensions": _EXTENSIONS}


def of_model(model: Model, classifier: Classifier) -> dict[str, Any]:
    """A version's tensors; -1 is the number of images."""
    manifest = classifier.manifest
    takes = {"accepts": infer_request.accepted(manifest)}
    return {
        "name": manifest.name,
        "versions": [str(version) for version in sorted(model.versions)],
        "platform": _PLATFORMS[classifier.engine],
        "inputs": [
            {"name": INPUT_NAME, "datatype": UINT8, "shape": [-1, *manifest.input.shape], "parameters": takes},
        ],
        "outputs": [{"name": name, "datatype": FP32, "shape": [-1, len(manifest.labels)]} for name in OUTPUT_NAMES],
    }


def configuration(classifier: Classifier, max_images: int) -> dict[str, Any]:
    """Triton's model configuration, as far as it means something here; dimensions are without the batch."""
    manifest = classifier.manifest
    takes = {"data_type": f"TYPE_{UINT8}", "format": "FORMAT_NHWC", "dims": list(manifest.input.shape)}
    gives = {"data_type": f"TYPE_{FP32}", "dims": [len(manifest.labels)]}
    return {
        "name": manifest.name,
        "platform": _PLATFORMS[classifier.engine],
        "max_batch_size": max_images,
        "input": [{"name": INPUT_NAME, **takes}],
        "output": [{"name": name, **gives} for name in OUTPUT_NAMES],
    }


def index(models: Mapping[str, Model], only_ready: bool) -> list[dict[str, str]]:
    """Every version on disk: READY, or UNAVAILABLE; `reason` is what is wrong with what is on disk now."""
    return [
        {
            "name": name,
            "version": str(version),
            "state": "READY" if version in model.versions else "UNAVAILABLE",
            "reason": model.faults.get(version, ""),
        }
        for name, model in models.items()
        for version in sorted({*model.versions, *model.faults})
        if version in model.versions or not only_ready
    ]
