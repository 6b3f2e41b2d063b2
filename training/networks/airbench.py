"""Airbench's CNN: whitened input, stages that pool after their first convolution (Jordan 2024, arXiv 2404.00498)."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

# Added to the variances, so that directions in which pictures hardly differ are not blown up.
_REGULARISER = 5e-4
# The published network's; it keeps the first logits small.
_LOGIT_SCALE = 1 / 9


def build(
    image: keras.KerasTensor, outputs: int, *, widths: Sequence[int], activation: str = "relu", deep: bool = False
) -> keras.KerasTensor:
    """Logits `[N, outputs]` of a standardised float image `[N, H, W, C]`, H and W at least 17.

    A fixed 2×2 whitening convolution, then per width: convolution, 2×2 max pooling, convolution, each with batch
    normalisation without a scale and ReLU (the original has GELU, slower on a CPU); global max pooling and one dense
    layer. Convolutions start by passing on what they get. A `deep` one has a third convolution per width, and what
    came out of the first is added to what comes out of the third.
    """
    whitening = layers.Conv2D(2 * 4 * image.shape[-1], 2, name="whitening")
    x = layers.Activation(activation)(whitening(image))
    for width in widths:
        x = layers.Activation(activation)(_normalised(layers.MaxPooling2D()(_convolved(x, width))))
        y = _normalised(_convolved(x, width))
        if deep:
            y = layers.Add()([x, _normalised(_convolved(layers.Activation(activation)(y), width))])
        x = layers.Activation(activation)(y)
    x = layers.GlobalMaxPooling2D()(x)
    # float32 even where the rest computes in bfloat16: the loss needs the digits.
    logits = layers.Dense(outputs, use_bias=False, dtype="float32")(x)
    return layers.Rescaling(_LOGIT_SCALE, dtype="float32")(logits)


def initialise(model: keras.Model, images: NDArray[np.float32]) -> None:
    """Sets the whitening filters from standardised images `[N, H, W, C]` and fixes them; their bias still trains.

    They are the principal components of 2×2 patches, scaled to equal variance, and their negatives, so that ReLU
    loses nothing.
    """
    whitening = model.get_layer("whitening")
    patches = np.lib.stride_tricks.sliding_window_view(images, (2, 2), axis=(1, 2))  # [N, H', W', C, 2, 2]
    rows = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 4 * images.shape[-1]).astype(np.float64)
    variances, components = np.linalg.eigh(rows.T @ rows / len(rows))
    filters = components / np.sqrt(variances + _REGULARISER)
    kernel = np.concatenate([filters, -filters], axis=1).reshape(2, 2, images.shape[-1], -1)
    whitening.kernel.assign(kernel.astype(np.float32))
    whitening.kernel.trainable = False


def _convolved(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    return layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=Passing())(x)


def _normalised(x: keras.KerasTensor) -> keras.KerasTensor:
    # Keras' default momentum of 0.99 is too slow for runs of a few thousand steps.
    return layers.BatchNormalization(momentum=0.6, epsilon=1e-5, scale=False)(x)


class Passing(keras.initializers.Initializer):
    """Filters of which the first ones pass their input on unchanged, the rest drawn uniformly, ±1/√inputs."""

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> keras.KerasTensor:
        """For a kernel `[3, 3, inputs, outputs]`."""
        height, width, inputs, outputs = shape
        bound = (height * width * inputs) ** -0.5
        kernel = keras.ops.convert_to_numpy(keras.random.uniform(shape, -bound, bound)).copy()
        passed = np.arange(min(inputs, outputs))
        kernel[:, :, :, passed] = 0
        kernel[height // 2, width // 2, passed, passed] = 1
        return keras.ops.convert_to_tensor(kernel, dtype)
