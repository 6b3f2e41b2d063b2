"""Costs are what one counts by hand, and the network can be drawn."""

from pathlib import Path

import keras
from keras import layers
from PIL import Image

from training import cost, figures


def small() -> keras.Model:
    image = keras.Input((8, 8, 3))
    x = layers.MaxPooling2D()(layers.Conv2D(5, 3)(image))
    return keras.Model(image, layers.Dense(4)(layers.Flatten()(x)))


def test_operations_count_each_weight_once_a_place() -> None:
    convolution, dense = 2 * 6 * 6 * 3 * 3 * 3 * 5, 2 * 45 * 4
    rows = cost.rows(small())
    assert [row.kind for row in rows] == ["InputLayer", "Conv2D", "MaxPooling2D", "Flatten", "Dense"]
    assert [row.operations for row in rows] == [0, convolution, 0, 0, dense]
    assert rows[1].output == (6, 6, 5) and rows[1].parameters == 140
    assert cost.operations(small()) == convolution + dense


def test_a_recurrent_layer_costs_its_kernels_at_each_step() -> None:
    image = keras.Input((28, 28))
    model = keras.Model(image, layers.SimpleRNN(16)(image))
    assert cost.operations(model) == 2 * 28 * (28 * 16 + 16 * 16)


def test_the_drawing_of_a_network_is_a_picture_as_tall_as_it_is_deep(tmp_path: Path) -> None:
    rows = cost.rows(small())
    sizes = []
    for name, part in (("whole", rows), ("half", rows[:2])):
        figures.network(part, tmp_path / f"{name}.png")
        with Image.open(tmp_path / f"{name}.png") as image:
            sizes.append(image.size)
    assert sizes[0][1] > sizes[1][1] > 60


def test_layers_with_several_kernels_cost_each_of_them_once_a_place() -> None:
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.SeparableConv2D(5, 3)(image))
    assert cost.operations(model) == 2 * 6 * 6 * (3 * 3 * 3 + 3 * 5)
