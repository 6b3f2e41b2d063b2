"""The exported graph: scaling, temperature and softmax inside, uint8 in; as SavedModel and as LiteRT file.

With `import_model` the only module that imports TensorFlow; only the export runs it.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import keras
import tensorflow as tf

from service.manifest import INPUT_NAME, LOGITS_NAME, PROBABILITIES_NAME, SIGNATURE
from training.calibrate import KNOTS, Scaling

# Of a LiteRT file.
Weights = Literal["int8", "float32"]
# Beyond all logits.
_NEVER = 1e9


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


def write(graph: Graph, scaling: Scaling, folder: Path) -> None:
    """Writes a SavedModel whose `serving_default` takes `image` and returns `probabilities` and `logits`."""
    # Not Keras' ExportArchive: version 3.15 writes every variable twice.
    module = tf.Module()
    module.tracked = list(graph.tracked)

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = _scaled(graph.logits(image), scaling)
        return {PROBABILITIES_NAME: tf.nn.softmax(logits), LOGITS_NAME: logits}

    signature = [tf.TensorSpec((None, *graph.shape), tf.uint8, name=INPUT_NAME)]
    module.serve = tf.function(serve, input_signature=signature)
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE: module.serve})


def _scaled(logits: tf.Tensor, scaling: Scaling) -> tf.Tensor:
    """As `training.calibrate.Scaling` says, of operations that LiteRT has."""
    logits = logits / scaling.temperature
    if set(scaling.slopes) == {1.0}:
        return logits
    largest = tf.one_hot(tf.argmax(logits, axis=1), logits.shape[1])
    odds = tf.reduce_sum(logits * largest, axis=1, keepdims=True) - _energy(logits - _NEVER * largest)
    parts = [tf.clip_by_value(odds - low, 0.0, high - low) for low, high in pairwise((*KNOTS, _NEVER))]
    scaled = tf.minimum(odds, 0.0) + tf.add_n([slope * part for slope, part in zip(scaling.slopes, parts, strict=True)])
    raised = logits + largest * (scaled - odds)
    return raised + _energy(logits) - _energy(raised)


def _energy(logits: tf.Tensor) -> tf.Tensor:
    """Their log-sum-exp `[N, 1]`; TensorFlow's own function has operations for infinities too."""
    most = tf.reduce_max(logits, axis=1, keepdims=True)
    return most + tf.math.log(tf.reduce_sum(tf.exp(logits - most), axis=1, keepdims=True))


def convert(folder: Path, weights: Weights) -> bytes:
    """A SavedModel as LiteRT file, with float weights or with dynamic-range int8 ones (a quarter of the size)."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    if weights == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return bytes(converter.convert())
