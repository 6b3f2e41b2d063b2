"""The CNN of the textbooks: convolutions with ReLU, some with 2×2 max pooling behind them, then dense layers."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
from keras import layers


class Convolution(NamedTuple):
    """One layer of filters of `size`×`size`; `padding` is `valid` or `same`."""

    filters: int
    size: int
    padding: str
    pool: bool


def build(
    image: keras.KerasTensor,
    outputs: int,
    *,
    convolutions: Sequence[Sequence[int | str | bool]],
    dense: Sequence[int] = (),
    dense_activation: str | None = None,
    dropout: float = 0.0,
) -> keras.KerasTensor:
    """Outputs `[N, outputs]`; each of `convolutions` holds the fields of `Convolution`, as JSON gives them back."""
    x = image
    for fields in convolutions:
        layer = Convolution(*fields)  # type: ignore[arg-type]
        x = layers.Conv2D(layer.filters, layer.size, padding=layer.padding, activation="relu")(x)
        x = layers.MaxPooling2D()(x) if layer.pool else x
    x = layers.Flatten()(x)
    x = layers.Dropout(dropout)(x) if dropout else x
    for width in dense:
        x = layers.Dense(width, activation=dense_activation)(x)
    return layers.Dense(outputs, dtype="float32")(x)
