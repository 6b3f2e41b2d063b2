"""A plain CNN whose stages pool right after their first convolution, which keeps it cheap at full resolution."""

from collections.abc import Sequence

import keras
from keras import layers


def build(image: keras.KerasTensor, outputs: int, *, stem: int, widths: Sequence[int]) -> keras.KerasTensor:
    """Logits `[N, outputs]` of a standardised float image `[N, H, W, C]`.

    A 3×3 stem, then per width: convolution, 2×2 max pooling, convolution, each with batch normalisation and ReLU;
    global max pooling and one dense layer. The order within a stage is airbench's (Jordan 2024, arXiv 2404.00498).
    """
    x = _normalised(_convolved(image, stem))
    for width in widths:
        x = _normalised(layers.MaxPooling2D()(_convolved(x, width)))
        x = _normalised(_convolved(x, width))
    x = layers.GlobalMaxPooling2D()(x)
    # float32 even where the rest computes in bfloat16: the loss needs the digits.
    return layers.Dense(outputs, dtype="float32")(x)


def _convolved(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    return layers.Conv2D(width, 3, padding="same", use_bias=False)(x)


def _normalised(x: keras.KerasTensor) -> keras.KerasTensor:
    # Keras' default momentum of 0.99 is too slow for runs of a few thousand steps.
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))
