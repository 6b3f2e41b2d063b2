"""Costs are what one counts by hand."""

import keras
from keras import layers

from training import cost


def small() -> keras.Model:
    image = keras.Input((8, 8, 3))
    x = layers.MaxPooling2D()(layers.Conv2D(5, 3)(image))
    return keras.Model(image, layers.Dense(4)(layers.Flatten()(x)))


def test_operations_count_each_weight_once_a_place() -> None:
    convolution, dense = 2 * 6 * 6 * 3 * 3 * 3 * 5, 2 * 45 * 4
    assert cost.operations(small()) == convolution + dense


def test_a_recurrent_layer_costs_its_kernels_at_each_step() -> None:
    image = keras.Input((28, 28))
    model = keras.Model(image, layers.SimpleRNN(16)(image))
    assert cost.operations(model) == 2 * 28 * (28 * 16 + 16 * 16)


def test_layers_with_several_kernels_cost_each_of_them_once_a_place() -> None:
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.SeparableConv2D(5, 3)(image))
    assert cost.operations(model) == 2 * 6 * 6 * (3 * 3 * 3 + 3 * 5)
