"""The augmentation layer changes pictures as it says, the same way for the same seed, on TensorFlow and on JAX."""

import importlib.util
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest

from training.augmentation import Augment
from training.dataset import UInt8
from training.recipe import Augmentation

EVERYTHING: dict[str, Any] = {
    "shift_pixels": 2,
    "cutout_pixels": 3,
    "warped": 0.5,
    "turn_degrees": 10,
    "scale": 0.2,
    "shear": 0.1,
    "stroke": 0.5,
    "light": 0.5,
    "blur": 0.5,
    "noise": 0.5,
}


def pictures(count: int = 64, channels: int = 3) -> UInt8:
    return np.random.default_rng(1).integers(1, 256, (count, 8, 8, channels), dtype=np.uint8)


Augmented = Callable[..., UInt8]


def by_this_backend(images: UInt8, how: Augmentation, seed: int = 1) -> UInt8:
    return np.asarray(keras.ops.convert_to_numpy(Augment([how], seed)(images, training=True)))


@pytest.fixture(scope="module")
def by_jax() -> Iterator[Augmented]:
    """JAX in a process of its own: a process has one backend."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is an extra: pip install -r requirements/jax.txt")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "KERAS_BACKEND", "jax")
        assert pool.submit(keras.backend.backend).result() == "jax"
        yield lambda *arguments, **named: pool.submit(by_this_backend, *arguments, **named).result()


@pytest.fixture(params=["tensorflow", pytest.param("jax", marks=pytest.mark.thorough)])
def augmented(request: pytest.FixtureRequest) -> Augmented:
    way: Augmented = by_this_backend if request.param == "tensorflow" else request.getfixturevalue("by_jax")
    return way


def disc(count: int = 40) -> UInt8:
    """A bright disc of radius 6 on black, 28×28."""
    rows, columns = np.mgrid[:28, :28] - 13.5
    one = np.where(rows**2 + columns**2 < 36, 255, 0).astype(np.uint8)
    return np.repeat(one[None, ..., None], count, axis=0)


def test_no_augmentation_changes_nothing(augmented: Augmented) -> None:
    assert np.array_equal(augmented(pictures(), Augmentation()), pictures())


@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_generator_state_gives_the_same_pictures(augmented: Augmented, channels: int) -> None:
    how = Augmentation(**EVERYTHING, ground=0.5 if channels == 1 else 0.0)
    images = pictures(channels=channels)
    one, other = (augmented(images, how, seed=5) for _ in range(2))
    assert np.array_equal(one, other) and not np.array_equal(one, images)
    assert one.dtype == np.uint8 and one.shape == images.shape
    assert np.array_equal(images, pictures(channels=channels)), "the caller's pictures stay as they are"


def test_pictures_pass_unchanged_outside_of_training() -> None:
    layer = Augment([Augmentation(**EVERYTHING)], 1)
    assert np.array_equal(keras.ops.convert_to_numpy(layer(pictures())), pictures())


def test_each_phase_has_its_own_augmentation() -> None:
    layer = Augment([Augmentation(noise=1.0), Augmentation(shift_pixels=2)], 1)
    flat = np.full((20, 8, 8, 1), 100, np.uint8)
    assert keras.ops.convert_to_numpy(layer(flat, training=True)).std() > 1
    layer.set_phase(Augmentation(shift_pixels=2))
    assert np.array_equal(keras.ops.convert_to_numpy(layer(flat, training=True)), flat)


@pytest.mark.parametrize("name", ["stroke", "light", "blur", "noise", "ground"])
def test_a_part_of_the_pictures_is_changed_and_the_rest_is_left(augmented: Augmented, name: str) -> None:
    images = pictures(400, channels=1)
    part: dict[str, Any] = {name: 0.25}
    changed = (augmented(images, Augmentation(**part)) != images).any(axis=(1, 2, 3))
    assert 0.15 < changed.mean() < 0.35


@pytest.mark.parametrize("name", ["stroke", "light", "blur", "noise", "ground"])
def test_so_is_a_part_of_a_batch_that_is_smaller_than_one_over_the_part(name: str) -> None:
    layer, images = Augment([Augmentation.model_validate({name: 0.1})], 1), pictures(7, channels=1)
    batches = [keras.ops.convert_to_numpy(layer(images, training=True)) for _ in range(100)]
    changed = np.concatenate([(batch != images).any(axis=(1, 2, 3)) for batch in batches])
    assert 0.06 < changed.mean() < 0.14


def test_a_phase_that_changes_fewer_pictures_has_its_own_part() -> None:
    strong, weak = Augmentation(noise=0.8), Augmentation(noise=0.2)
    layer, images = Augment([strong, weak], 1), pictures(400)
    for phase, low, high in ((strong, 0.7, 0.9), (weak, 0.12, 0.28)):
        layer.set_phase(phase)
        changed = keras.ops.convert_to_numpy(layer(images, training=True)) != images
        assert low < changed.any(axis=(1, 2, 3)).mean() < high


def test_shifting_moves_by_at_most_the_stated_pixels(augmented: Augmented) -> None:
    image = np.zeros((200, 9, 9, 1), np.uint8)
    image[:, 4, 4] = 255
    places = np.argwhere(augmented(image, Augmentation(shift_pixels=2))[..., 0] == 255)
    assert len(places) == 200 and set(places[:, 1]) == set(places[:, 2]) == {2, 3, 4, 5, 6}


def test_what_comes_in_is_black_where_the_recipe_says_so(augmented: Augmented) -> None:
    bright = np.full((50, 9, 9, 1), 200, np.uint8)
    how = {"shift_pixels": 2, "warped": 1.0, "scale": 0.5}
    assert augmented(bright, Augmentation(outside="black", **how)).min() == 0
    assert augmented(bright, Augmentation(outside="mirrored", **how)).min() == 200


def test_warping_by_nothing_changes_nothing(augmented: Augmented) -> None:
    assert np.array_equal(augmented(pictures(), Augmentation(warped=1.0)), pictures())


def test_scaling_makes_the_subject_larger_and_smaller_within_the_stated_factor(augmented: Augmented) -> None:
    area = (augmented(disc(300), Augmentation(outside="black", warped=1.0, scale=0.3)) > 127).sum(axis=(1, 2, 3))
    original = (disc(1) > 127).sum()
    assert area.min() >= original / 1.3**2 * 0.9 and area.max() <= original * 1.3**2 * 1.1
    assert area.min() < original * 0.75 and area.max() > original * 1.4


def test_turning_keeps_the_middle_and_moves_the_rim(augmented: Augmented) -> None:
    image = np.zeros((100, 29, 29, 1), np.uint8)
    image[:, 14, 14] = image[:, 14, 27] = 255
    turned = augmented(image, Augmentation(outside="black", warped=1.0, turn_degrees=20))
    assert (turned[:, 14, 14] == 255).all() and (turned[:, 14, 27] < 128).mean() > 0.8


def test_strokes_grow_and_shrink_by_about_a_pixel(augmented: Augmented) -> None:
    ink = augmented(disc(300), Augmentation(stroke=1.0)).sum(axis=(1, 2, 3)) / 255
    original = (disc(1) == 255).sum()
    assert ink.min() < original < ink.max()
    assert ink.max() <= np.pi * 7.6**2 and ink.min() >= np.pi * 4.9**2


def test_squashing_makes_the_subject_shorter_or_narrower_never_both(augmented: Augmented) -> None:
    squashed = augmented(disc(300), Augmentation(outside="black", warped=1.0, squash=0.5))[..., 0] > 127
    heights, widths = squashed.any(axis=2).sum(axis=1), squashed.any(axis=1).sum(axis=1)
    assert (np.maximum(heights, widths) == 12).all() and np.minimum(heights, widths).min() in (8, 9)
    assert 0.3 < (heights < widths).mean() < 0.6


def test_a_garment_stays_visible_on_its_ground_on_rests_of_it_or_alone(augmented: Augmented) -> None:
    laid = augmented(disc(400), Augmentation(ground=1.0)).astype(float)
    subject, corner = laid[:, 12:16, 12:16].mean(axis=(1, 2, 3)), laid[:, :4, :4].mean(axis=(1, 2, 3))
    near = laid[:, 5:7, 12:16].max(axis=(1, 2, 3))
    assert 0.2 < (corner > 5).mean() < 0.4, "on the whole ground"
    assert 0.03 < ((corner == 0) & (near > 0)).mean() < 0.4, "on rests of it"
    assert (np.abs(subject - corner) > 20).mean() > 0.85


def test_dark_prints_inside_a_garment_are_not_holes(augmented: Augmented) -> None:
    printed = disc(400)
    printed[:, 13, 13] = 0
    laid = augmented(printed, Augmentation(ground=1.0)).astype(float)[:, 13, 13, 0]
    # The print is the garment's own darkest tone, or where tones are swapped its lightest: never the ground's black.
    assert (laid > 0).mean() > 0.85 and 0.1 < (laid > 140).mean() < 0.35


def test_cutout_flattens_one_square_at_most(augmented: Augmented) -> None:
    images = pictures()
    changed = (augmented(images, Augmentation(cutout_pixels=3)) != images).any(axis=3)
    assert (changed.sum(axis=(1, 2)) <= 9).all() and changed.any(axis=(1, 2)).mean() > 0.9


@pytest.mark.thorough
@pytest.mark.parametrize("cause", ["stroke", "ground", "light", "blur", "noise", "warped"])
def test_both_backends_change_pictures_as_much(by_jax: Augmented, cause: str) -> None:
    part: dict[str, Any] = {cause: 1.0}
    how = Augmentation(outside="black", turn_degrees=15, scale=0.2, shear=0.1, squash=0.2, **part)
    means, deviations = [], []
    for way in (by_this_backend, by_jax):
        changed = np.concatenate([way(disc(2000), how, seed=seed) for seed in range(5)]).astype(float)
        means.append(changed.mean(axis=0))
        deviations.append(changed.std(axis=0))
    for one, other in (means, deviations):
        assert np.abs(one - other).mean() < 2.5
