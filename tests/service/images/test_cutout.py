"""A subject is told from a cluttered ground by its colours and its place."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.images import cutout
from service.images.components import Mask
from tests.conftest import shipped
from tests.made.clothes import photographed
from tests.made.clutter import BOX, GROUNDS, SIZE, ground, picture, subject_on

# Strong colours, whose a and b lie far to either side of neutral, then quiet ones.
COLOURS = [
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 255), (255, 255, 0), (0, 255, 255),
    (30, 40, 120), (240, 240, 235), (20, 20, 20),
]  # fmt: skip
TRUTH = np.zeros(SIZE, bool)
TRUTH[BOX] = True


def full_size(mask: Mask | None) -> Mask:
    assert mask is not None
    return np.asarray(Image.fromarray(mask).resize(SIZE[::-1], Image.Resampling.NEAREST))


def overlap(mask: Mask | None, truth: Mask) -> float:
    """Intersection over union."""
    found = full_size(mask)
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.parametrize("name", GROUNDS)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_textured_rectangle_is_found_on_a_cluttered_ground(name: str, colour: tuple[int, int, int]) -> None:
    for seed in range(3):
        assert overlap(cutout.subject(picture(subject_on(name, colour, seed))), TRUTH) > 0.85


def test_the_mask_is_of_a_smaller_copy() -> None:
    mask = cutout.subject(picture(subject_on("wood", (200, 20, 30), 1)))
    assert mask is not None and mask.shape == (80, 67) and mask.dtype == bool


def test_a_hole_in_the_subject_is_filled() -> None:
    pixels = subject_on("wood", (200, 20, 30), 1)
    hole = (slice(100, 130), slice(85, 115))
    pixels[hole] = ground("wood", 1)[hole]
    mask = cutout.subject(picture(pixels))
    assert full_size(mask)[hole].all() and overlap(mask, TRUTH) > 0.85


def test_only_the_largest_part_is_the_subject() -> None:
    pixels = subject_on("carpet", (30, 40, 120), 2)
    pixels[15:28, 165:185] = (30, 40, 120)
    mask = full_size(cutout.subject(picture(pixels)))
    assert not mask[15:28, 165:185].any()


def test_a_subject_need_not_be_in_the_middle() -> None:
    truth = np.zeros(SIZE, bool)
    box = (slice(20, 150), slice(20, 120))
    truth[box] = True
    pixels = subject_on("bed", (20, 90, 60), 3, box)
    assert overlap(cutout.subject(picture(pixels)), truth) > 0.85


def test_where_nothing_is_a_subject_none_is_given() -> None:
    # As many pixels in the rim as within it, and none of them like another.
    noise = np.random.default_rng(1).integers(0, 256, (6, 6, 3))
    assert cutout.subject(picture(noise)) is None


@pytest.mark.parametrize("name", GROUNDS)
def test_a_ground_alone_has_no_subject(name: str) -> None:
    assert cutout.subject(picture(ground(name, 1))) is None


def noise(height: int, width: int) -> NDArray[np.float64]:
    return np.random.default_rng(0).uniform(0, 256, (height, width, 3))


@pytest.mark.parametrize(("height", "width"), [(3, 3), (4, 4), (5, 5)])
def test_a_tiny_picture_has_no_subject(height: int, width: int) -> None:
    assert cutout.subject(picture(noise(height, width))) is None


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (5, 1), (100, 2), (2, 100), (200, 3)])
def test_a_picture_that_is_all_rim_has_no_subject(height: int, width: int) -> None:
    assert cutout.subject(picture(noise(height, width))) is None


def test_clothes_on_floors_beds_and_carpets_are_found_more_often_than_not() -> None:
    overlaps = []
    for file in sorted((shipped("fashion_mnist") / "golden").glob("*.png")):
        for seed in range(20):
            made = photographed(np.asarray(Image.open(file)), np.random.default_rng((3, seed)))
            mask = cutout.subject(made.picture)
            if mask is not None:
                found = np.asarray(Image.fromarray(mask).resize(made.picture.size, Image.Resampling.NEAREST))
                overlaps.append((found & made.garment).sum() / (found | made.garment).sum())
    assert len(overlaps) > 180 and np.mean(overlaps) > 0.7 and np.median(overlaps) > 0.85, np.mean(overlaps)
