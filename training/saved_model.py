"""The exported graph: scaling, temperature and softmax inside, uint8 in; as SavedModel and as LiteRT file.

With `foreign` the only module that imports TensorFlow; only the export runs it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from service.manifest import INPUT_NAME, LOGITS_NAME, PROBABILITIES_NAME
from training.evaluate import Weights


class Graph(NamedTuple):
    """What is to be exported: uint8 images `[N, H, W, C]` to logits `[N, classes]`.

    `tracked` are the variables it computes with, or the objects that own them.
    """

    logits: Callable[[tf.Tensor], tf.Tensor]
    shape: tuple[int, int, int]
    tracked: Sequence[Any]


def of_model(model: keras.Model) -> Graph:
    """The graph of a model of ours; it must be built under float32: bfloat16 is slow on CPUs without it."""
    variables = [variable.value for variable in model.variables]
    return Graph(lambda image: model(image, training=False), model.input_shape[1:], variables)


def write(graph: Graph, temperature: float, folder: Path) -> None:
    """Writes a SavedModel whose `serving_default` takes `image` and returns `probabilities` and `logits`."""
    # Not Keras' ExportArchive: version 3.15 writes every variable twice.
    module = tf.Module()
    module.tracked = list(graph.tracked)

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = graph.logits(image) / temperature
        return {PROBABILITIES_NAME: tf.nn.softmax(logits), LOGITS_NAME: logits}

    signature = [tf.TensorSpec((None, *graph.shape), tf.uint8, name=INPUT_NAME)]
    module.serve = tf.function(serve, input_signature=signature)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


def convert(folder: Path, weights: Weights) -> bytes:
    """A SavedModel as LiteRT file, with float weights or with dynamic-range int8 ones (a quarter of the size)."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    if weights == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return bytes(converter.convert())
