"""Dense layers, one after the other; none at all makes it a linear model."""

from collections.abc import Sequence

import keras
from keras import layers, regularizers


def build(
    image: keras.KerasTensor,
    outputs: int,
    *,
    units: Sequence[int] = (),
    activation: str | None = "relu",
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.KerasTensor:
    """Outputs `[N, outputs]` of a flattened image; dropout and L2 penalty act on every hidden layer."""
    x = layers.Flatten()(image)
    for width in units:
        x = layers.Dense(width, activation=activation, kernel_regularizer=regularizers.L2(l2) if l2 else None)(x)
        x = layers.Dropout(dropout)(x) if dropout else x
    return layers.Dense(outputs, dtype="float32")(x)
