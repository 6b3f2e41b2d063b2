"""The same function in fewer and coarser numbers: what serving needs of a trained network."""

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

# The largest whole number of int8's symmetric range.
_LARGEST = 127
# Of the largest answer.
_ROUNDING = 1e-3


def folded(model: keras.Model) -> keras.Model:
    """The model with each batch normalisation inside the convolution before it, or the model itself if that changes it.

    Max pooling may lie between the two: a normalisation that does not turn the sign commutes with it.
    """
    pairs = _pairs(model)
    normalised = {layer.name for layer in model.layers if isinstance(layer, layers.BatchNormalization)}
    if not pairs or {norm.name for _, norm in pairs} != normalised:
        return model
    convolutions = {convolution.name for convolution, _ in pairs}
    simple = keras.models.clone_model(
        model,
        clone_function=lambda layer: _clone(layer, convolutions, normalised),
        # Without the mask that batch normalisation alone can take.
        call_function=lambda layer, inputs, **_: layer(inputs),
    )
    for layer in model.layers:
        if layer.weights and layer.name not in normalised | convolutions:
            simple.get_layer(layer.name).set_weights(layer.get_weights())
    for convolution, norm in pairs:
        simple.get_layer(convolution.name).set_weights(_merged(convolution, norm))
    return simple if _alike(model, simple) else model


def _alike(one: keras.Model, other: keras.Model) -> bool:
    """Whether two models answer noise nearly alike: pairs go by the order of layers, which may not be the graph's."""
    noise = np.random.default_rng(1).integers(0, 256, (4, *one.input_shape[1:])).astype(one.input.dtype)
    answers = [keras.ops.convert_to_numpy(model(noise, training=False)) for model in (one, other)]
    return bool(np.abs(answers[0] - answers[1]).max() <= _ROUNDING * max(1, np.abs(answers[0]).max()))


def on_int8_grid(model: keras.Model) -> None:
    """Rounds the kernels of convolutions and dense layers to 255 values a filter, in place.

    An int8 file of the model then holds the same weights as the SavedModel, to the bit, and the two differ only by the
    rounding of what flows between layers. The grid is that of LiteRT: symmetric, its largest weight 127 steps.
    """
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            layer.kernel.assign(_rounded(keras.ops.convert_to_numpy(layer.kernel)))


def _rounded(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    filters = kernel.reshape(-1, kernel.shape[-1])
    step = np.maximum(np.abs(filters).max(axis=0), np.finfo(np.float32).tiny) / _LARGEST
    return np.asarray((np.rint(filters / step) * step).reshape(kernel.shape), np.float32)


def _pairs(model: keras.Model) -> list[tuple[layers.Conv2D, layers.BatchNormalization]]:
    """Convolutions without bias or activation, each with the normalisation that follows it, as it may be folded."""
    found, last, pooled = [], None, False
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            last, pooled = (
                (layer if not layer.use_bias and layer.activation is keras.activations.linear else None),
                False,
            )
        elif isinstance(layer, layers.MaxPooling2D):
            pooled = True
        elif isinstance(layer, layers.BatchNormalization) and last is not None:
            if not pooled or (_scale(layer) > 0).all():
                found.append((last, layer))
            last = None
        else:
            last = None
    return found


def _clone(layer: layers.Layer, convolutions: set[str], normalised: set[str]) -> layers.Layer:
    if layer.name in normalised:
        return layers.Identity(name=layer.name)
    config = layer.get_config()
    if layer.name in convolutions:
        # An initialiser of our own need not be found again by its name: the weights are set anyway.
        config |= {"use_bias": True, "kernel_initializer": "zeros"}
    return layer.__class__.from_config(config)


def _merged(convolution: layers.Conv2D, norm: layers.BatchNormalization) -> list[NDArray[np.float32]]:
    scale = _scale(norm)
    shift = keras.ops.convert_to_numpy(norm.beta) if norm.center else 0.0
    mean = keras.ops.convert_to_numpy(norm.moving_mean)
    return [keras.ops.convert_to_numpy(convolution.kernel) * scale, shift - mean * scale]


def _scale(norm: layers.BatchNormalization) -> NDArray[np.float32]:
    gain = keras.ops.convert_to_numpy(norm.gamma) if norm.scale else 1.0
    variance = keras.ops.convert_to_numpy(norm.moving_variance)
    return np.asarray(gain / np.sqrt(variance + norm.epsilon), np.float32)
