"""Folding keeps what a network computes; rounding keeps it nearly."""

import keras
import numpy as np
import pytest
from keras import layers

from training import fold
from training.networks import airbench, convnet

IMAGES = np.random.default_rng(1).normal(size=(16, 20, 20, 3)).astype(np.float32)


def trained_a_little(network: object, **options: object) -> keras.Model:
    """A network whose normalisations have seen something."""
    keras.utils.set_random_seed(3)
    keras.config.set_dtype_policy("float32")
    image = keras.Input((20, 20, 3))
    model = keras.Model(image, network.build(image, 4, **options))  # type: ignore[attr-defined]
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(2 * IMAGES + 1, np.arange(16) % 4, epochs=3, batch_size=8, verbose=0)
    return model


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


@pytest.mark.parametrize(
    ("network", "options"),
    [
        (airbench, {"widths": (4, 6)}),
        (airbench, {"widths": (4, 6), "activation": "silu", "deep": True}),
        (convnet, {"stem": 3, "widths": (4,)}),
    ],
)
def test_a_folded_network_computes_the_same_without_normalisation(network: object, options: dict[str, object]) -> None:
    model = trained_a_little(network, **options)
    simple = fold.folded(model)
    assert "BatchNormalization" in kinds(model) and "BatchNormalization" not in kinds(simple)
    np.testing.assert_allclose(simple(IMAGES), model(IMAGES), atol=1e-5)


def test_a_normalisation_that_turns_signs_is_not_moved_before_the_pooling() -> None:
    model = trained_a_little(convnet, stem=3, widths=(4,))
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    norms[1].gamma.assign(-norms[1].gamma)
    assert fold.folded(model) is model


def test_a_network_without_normalisation_is_left_as_it_is() -> None:
    image = keras.Input((4,))
    model = keras.Model(image, layers.Dense(2)(image))
    assert fold.folded(model) is model


def test_rounded_kernels_have_255_values_a_filter_and_hardly_change_the_answer() -> None:
    model = fold.folded(trained_a_little(airbench, widths=(8, 8)))
    before = np.asarray(model(IMAGES))
    fold.on_int8_grid(model)
    kernel = np.asarray(model.get_layer("whitening").kernel).reshape(-1, 24)
    steps = kernel / (np.abs(kernel).max(axis=0) / 127)
    assert np.abs(steps - np.rint(steps)).max() < 1e-3
    assert 0 < np.abs(np.asarray(model(IMAGES)) - before).max() < 0.02 * np.abs(before).max() + 0.01


def test_a_network_whose_layers_are_not_in_their_order_is_left_as_it_is() -> None:
    keras.utils.set_random_seed(3)
    image = keras.Input((20, 20, 3))
    # Two convolutions of one shape, each with the normalisation of the other listed behind it.
    one, other = (layers.Conv2D(4, 3, padding="same", use_bias=False)(image) for _ in range(2))
    x = layers.BatchNormalization()(other) + layers.BatchNormalization()(one) * 3.0
    model = keras.Model(image, layers.Dense(4)(layers.Flatten()(x)))
    simple = fold.folded(model)
    np.testing.assert_allclose(simple(IMAGES), model(IMAGES), atol=1e-4)
