"""The exported graph: scaling, temperature and softmax inside, uint8 in; as SavedModel and as LiteRT file.

The only module beside `backend` that imports TensorFlow, and only the export runs it.
"""

from pathlib import Path
from typing import Literal

import keras
import tensorflow as tf

Weights = Literal["int8", "float32"]


def write(model: keras.Model, temperature: float, folder: Path) -> None:
    """Writes a SavedModel whose `serving_default` takes `image` and returns `probabilities` and `logits`.

    `model` must be built under float32: a bfloat16 graph is slow on CPUs without it.
    """
    module = tf.Module()
    # Not Keras' ExportArchive: version 3.15 writes every variable twice.
    module.weights = [variable.value for variable in model.variables]

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = model(image, training=False) / temperature
        return {"probabilities": tf.nn.softmax(logits), "logits": logits}

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8, name="image")]
    module.serve = tf.function(serve, input_signature=signature)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


def convert(folder: Path, weights: Weights) -> bytes:
    """A SavedModel as LiteRT file, with float weights or with dynamic-range int8 ones (a quarter of the size)."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    if weights == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return bytes(converter.convert())
