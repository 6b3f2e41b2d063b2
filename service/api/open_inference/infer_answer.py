"""The answer to an inference request of the Open Inference Protocol: JSON, and after it binary tensors."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.api.open_inference import tensors
from service.api.open_inference.infer_request import Asked, Wanted
from service.inference.classifier import Prediction
from service.manifest import LOGITS_NAME, PROBABILITIES_NAME, Manifest


class Answer(NamedTuple):
    """The JSON, and the binary tensors in the order it names them, if there are any."""

    head: bytes
    tail: bytes


def of(asked: Asked, manifest: Manifest, predictions: Sequence[Prediction]) -> Answer:
    """The outputs that were asked for, one row a prediction."""
    values = {
        PROBABILITIES_NAME: np.stack([one.probabilities for one in predictions]),
        LOGITS_NAME: np.stack([one.logits for one in predictions]),
    }
    described = [_tensor(wanted, values[wanted.name], manifest.labels) for wanted in asked.outputs]
    head = {
        "model_name": manifest.name,
        "model_version": str(manifest.version),
        "id": asked.id,
        "outputs": [tensor for tensor, _ in described],
    }
    return Answer(json.dumps(head, allow_nan=False).encode(), b"".join(raw for _, raw in described))


def _tensor(wanted: Wanted, values: NDArray[np.float32], labels: Sequence[str]) -> tuple[dict[str, Any], bytes]:
    """What JSON says of an output, and its bytes if it is a binary one."""
    if wanted.classes is None:
        described = {"name": wanted.name, "datatype": tensors.FP32, "shape": list(values.shape)}
        if wanted.binary:
            return _binary(described, tensors.raw_floats(values))
        return described | {"data": values.ravel().tolist()}, b""
    texts = tensors.classified(values, labels, wanted.classes)
    shape = [len(values), len(texts) // len(values)]
    described = {"name": wanted.name, "datatype": tensors.BYTES, "shape": shape}
    if wanted.binary:
        return _binary(described, tensors.packed(text.encode() for text in texts))
    return described | {"data": texts}, b""


def _binary(described: dict[str, Any], raw: bytes) -> tuple[dict[str, Any], bytes]:
    return described | {"parameters": {"binary_data_size": len(raw)}}, raw
