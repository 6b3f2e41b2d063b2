"""What training makes smaller, and what it calls right."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training.recipe import Recipe

# A tensor of whichever backend.
Tensor = Any


def targets(recipe: Recipe, labels: NDArray[np.uint8], classes: int) -> NDArray[np.float32]:
    """One-hot `[N, classes]`, or for squared error the labels as numbers `[N, 1]`."""
    if recipe.loss == "squared_error":
        return labels[:, None].astype(np.float32)
    return np.eye(classes, dtype=np.float32)[labels]


def loss(recipe: Recipe) -> keras.losses.Loss:
    """Of targets and outputs, the mean over a batch."""
    if recipe.loss == "squared_error":
        return keras.losses.MeanSquaredError()
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)


def right(recipe: Recipe, classes: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Of targets and outputs, 1 for each picture that is answered right and 0 for the others."""
    if recipe.loss == "squared_error":
        # A number is right if, clipped to the labels' range, it rounds to the label.
        return lambda truth, number: ops.cast(ops.abs(ops.clip(number, 0, classes - 1) - truth) < 0.5, "float32")[:, 0]
    return lambda truth, logits: ops.cast(ops.argmax(logits, -1) == ops.argmax(truth, -1), "float32")
