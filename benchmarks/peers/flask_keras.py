"""Flask and Keras' `predict()` under gunicorn, as tutorials have it; Keras 3 wraps a SavedModel in a `TFSMLayer`."""

from threading import Lock
from typing import Any

import keras
import numpy as np
from flask import Flask
from numpy.typing import NDArray

from benchmarks.peers import mnist
from benchmarks.peers.flask_app import build
from service.inference.engines import Infer, Output


def create_app() -> Flask:
    """What gunicorn's workers call."""
    return build(mnist.Classifier(_keras()))


def _keras() -> Infer:
    image = keras.Input(mnist.SHAPE, dtype="uint8")
    layer = keras.layers.TFSMLayer(str(mnist.folder()), call_endpoint="serving_default")
    model, turn = keras.Model(image, layer(image)), Lock()

    def infer(images: NDArray[np.uint8]) -> Output:
        with turn:  # Keras does not promise that `predict` may be called by several threads
            outputs: dict[str, Any] = model.predict(images, verbose=0)
        return Output(outputs["probabilities"], outputs["logits"])

    infer(np.zeros((1, *mnist.SHAPE), np.uint8))
    return infer
