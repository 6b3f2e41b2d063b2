"""The network starts as its paper says."""

import keras
import numpy as np

from training.networks import airbench

IMAGES = np.random.default_rng(1).normal(size=(200, 20, 20, 3)).astype(np.float32)


def made() -> keras.Model:
    keras.config.set_dtype_policy("float32")
    image = keras.Input((20, 20, 3))
    model = keras.Model(image, airbench.build(image, 4, widths=(32, 40)))
    # Neighbouring pixels alike, as in a photograph.
    airbench.initialise(model, IMAGES + np.roll(IMAGES, 1, axis=1) + np.roll(IMAGES, 1, axis=2))
    return model


def test_the_whitening_gives_independent_channels_of_equal_variance_and_their_negatives() -> None:
    model = made()
    whitening = model.get_layer("whitening")
    images = IMAGES + np.roll(IMAGES, 1, axis=1) + np.roll(IMAGES, 1, axis=2)
    found = np.asarray(whitening(images)).reshape(-1, 24)
    np.testing.assert_allclose(found[:, :12].T @ found[:, :12] / len(found), np.eye(12), atol=0.02)
    np.testing.assert_allclose(found[:, :12], -found[:, 12:], atol=1e-5)


def test_the_whitening_is_fixed_but_for_its_bias() -> None:
    model = made()
    whitening = model.get_layer("whitening")
    trained = {id(variable) for variable in model.trainable_variables}
    assert id(whitening.kernel) not in trained and id(whitening.bias) in trained


def test_convolutions_start_by_passing_on_what_they_get() -> None:
    kernel = keras.ops.convert_to_numpy(airbench.Passing()((3, 3, 5, 8), "float32"))
    image = np.random.default_rng(2).normal(size=(1, 6, 6, 5)).astype(np.float32)
    out = keras.ops.convert_to_numpy(keras.ops.conv(image, kernel, padding="same"))
    np.testing.assert_allclose(out[..., :5], image, atol=1e-5)
    assert kernel[..., 5:].std() > 0
