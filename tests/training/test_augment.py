"""Augmentation changes pictures as it says, and the same way for the same generator state."""

import numpy as np

from training.augment import augment
from training.recipe import Augmentation


def pictures(count: int = 64) -> np.ndarray:
    return np.random.default_rng(1).integers(1, 256, (count, 8, 8, 3), dtype=np.uint8)


def test_no_augmentation_changes_nothing() -> None:
    assert np.array_equal(augment(pictures(), Augmentation(), np.random.default_rng(0)), pictures())


def test_the_same_generator_state_gives_the_same_pictures() -> None:
    how = Augmentation(shift_pixels=2, mirror=True, cutout_pixels=3)
    one, other = (augment(pictures(), how, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one, other) and not np.array_equal(one, pictures())


def test_mirroring_swaps_left_and_right_in_about_half() -> None:
    images = pictures()
    changed = augment(images, Augmentation(mirror=True), np.random.default_rng(1))
    mirrored = [np.array_equal(c, i[:, ::-1]) for c, i in zip(changed, images, strict=True)]
    kept = [np.array_equal(c, i) for c, i in zip(changed, images, strict=True)]
    assert all(m != k for m, k in zip(mirrored, kept, strict=True)) and 16 < sum(mirrored) < 48


def test_shifting_moves_by_at_most_the_stated_pixels() -> None:
    image = np.zeros((200, 9, 9, 1), np.uint8)
    image[:, 4, 4] = 255
    places = np.argwhere(augment(image, Augmentation(shift_pixels=2), np.random.default_rng(1))[..., 0] == 255)
    assert len(places) == 200 and set(places[:, 1]) == set(places[:, 2]) == {2, 3, 4, 5, 6}


def test_cutout_flattens_one_square_at_most() -> None:
    images = pictures()
    changed = (augment(images, Augmentation(cutout_pixels=3), np.random.default_rng(1)) != images).any(axis=3)
    assert (changed.sum(axis=(1, 2)) <= 9).all() and changed.any(axis=(1, 2)).mean() > 0.9
