"""The answers of the Open Inference Protocol: of the server, of a model, of the repository, and of an inference."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import service
from service.api.open_inference import infer_request
from service.api.open_inference.infer_request import BYTES, UINT8, InferRequest, RequestedOutput
from service.inference.classifier import Classifier, Prediction
from service.inference.registry import Model
from service.manifest import INPUT_NAME, LOGITS_NAME, OUTPUT_NAMES, PROBABILITIES_NAME, EngineName, Manifest

FP32 = "FP32"
# `<project>_<format>`, as the protocol has it.
_PLATFORMS: dict[EngineName, str] = {"litert": "litert_tflite", "tensorflow": "tensorflow_savedmodel"}
_EXTENSIONS = ("binary_tensor_data", "classification", "model_configuration", "model_repository")


def server() -> dict[str, Any]:
    """The server and which of the protocol's extensions it has."""
    return {"name": "squint", "version": service.__version__, "extensions": _EXTENSIONS}


def model_metadata(model: Model, classifier: Classifier) -> dict[str, Any]:
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


def model_config(classifier: Classifier, max_images: int) -> dict[str, Any]:
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


def repository_index(models: Mapping[str, Model], only_ready: bool) -> list[dict[str, str]]:
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


class InferAnswer(NamedTuple):
    """The JSON, and the binary tensors in the order it names them, if there are any."""

    head: bytes
    tail: bytes


def inference(sent: InferRequest, manifest: Manifest, predictions: Sequence[Prediction]) -> InferAnswer:
    """The outputs that the request names, one row a prediction."""
    values = {
        PROBABILITIES_NAME: np.stack([one.probabilities for one in predictions]),
        LOGITS_NAME: np.stack([one.logits for one in predictions]),
    }
    described = [_tensor(output, values[output.name], manifest.labels) for output in sent.outputs]
    head = {
        "model_name": manifest.name,
        "model_version": str(manifest.version),
        "id": sent.id,
        "outputs": [tensor for tensor, _ in described],
    }
    return InferAnswer(json.dumps(head, allow_nan=False).encode(), b"".join(raw for _, raw in described))


def _tensor(
    output: RequestedOutput, values: NDArray[np.float32], labels: Sequence[str]
) -> tuple[dict[str, Any], bytes]:
    """What JSON says of an output, and its bytes if it is a binary one."""
    if output.classes is None:
        described = {"name": output.name, "datatype": FP32, "shape": list(values.shape)}
        if output.binary:
            return _binary(described, values.astype("<f4").tobytes())
        return described | {"data": values.ravel().tolist()}, b""
    texts = _classified(values, labels, output.classes)
    described = {"name": output.name, "datatype": BYTES, "shape": [len(values), len(texts) // len(values)]}
    if output.binary:
        encoded = (text.encode() for text in texts)
        return _binary(described, b"".join(len(one).to_bytes(4, "little") + one for one in encoded))
    return described | {"data": texts}, b""


def _binary(described: dict[str, Any], raw: bytes) -> tuple[dict[str, Any], bytes]:
    return described | {"parameters": {"binary_data_size": len(raw)}}, raw


def _classified(values: NDArray[np.float32], labels: Sequence[str], most: int) -> list[str]:
    """The classification extension: `value:index:label` of each row's `most` highest values, the highest first."""
    best = (-values).argsort(axis=1, kind="stable")[:, :most]
    return [
        # Never with an exponent, and no digit more than float32 holds.
        f"{np.format_float_positional(row[index], trim='0')}:{index}:{labels[index]}"
        for row, indexes in zip(values, best, strict=True)
        for index in indexes
    ]
