"""The signature `serving_default` of a version, as TF Serving describes it, and answers in the shapes it has there."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.inference.classifier import Prediction
from service.manifest import INPUT_NAME, LOGITS_NAME, OUTPUT_NAMES, PROBABILITIES_NAME, SIGNATURE, Manifest

METHOD = "tensorflow/serving/predict"


def metadata(manifest: Manifest) -> dict[str, Any]:
    """What TF Serving's `/metadata` says of the version's SavedModel."""
    # TensorFlow's names: the input's by the signature, the outputs' by their place in the order of the alphabet.
    image = _tensor("DT_UINT8", f"{SIGNATURE}_{INPUT_NAME}:0", manifest.input.shape)
    outputs = {
        name: _tensor("DT_FLOAT", f"StatefulPartitionedCall:{place}", [len(manifest.labels)])
        for place, name in enumerate(sorted(OUTPUT_NAMES))
    }
    signature = {"inputs": {INPUT_NAME: image}, "outputs": outputs, "method_name": METHOD, "defaults": {}}
    return {
        "model_spec": {"name": manifest.name, "signature_name": "", "version": str(manifest.version)},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
    }


def _tensor(dtype: str, name: str, sizes: Sequence[int]) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in (-1, *sizes)]
    return {"dtype": dtype, "tensor_shape": {"dim": dimensions, "unknown_rank": False}, "name": name}


def rows(predictions: Sequence[Prediction]) -> list[dict[str, list[float]]]:
    """An object of both outputs for each picture: the row format of several outputs."""
    return [{name: _numbers(output) for name, output in _outputs(one).items()} for one in predictions]


def columns(predictions: Sequence[Prediction]) -> dict[str, list[list[float]]]:
    """Both outputs, each with all pictures: the column format of several outputs."""
    found = rows(predictions)
    return {name: [row[name] for row in found] for name in (PROBABILITIES_NAME, LOGITS_NAME)}


def results(labels: Sequence[str], predictions: Sequence[Prediction]) -> list[list[list[str | float]]]:
    """For each picture a pair of label and probability a class, in class order."""
    return [
        [[label, score] for label, score in zip(labels, _numbers(one.probabilities), strict=True)]
        for one in predictions
    ]


def _outputs(prediction: Prediction) -> dict[str, NDArray[np.float32]]:
    return {PROBABILITIES_NAME: prediction.probabilities, LOGITS_NAME: prediction.logits}


def _numbers(values: NDArray[np.float32]) -> list[float]:
    """With nine digits, which are all that a float32 holds."""
    return [float(f"{value:.9g}") for value in values.tolist()]
