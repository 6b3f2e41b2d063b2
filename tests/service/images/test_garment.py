"""A garment is shown as its data set would: alone, light on black, as large as fits."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from service.images import kinds
from service.images.decode import Limits, Picture, decode
from service.images.kinds import Prepared
from tests.conftest import golden, png
from tests.made.clutter import GROUNDS, Colour, picture, subject_on

SHAPE = (28, 28, 1)
LIMITS = Limits(max_bytes=10**6, max_pixels=10**6, max_frames=1)


def prepared(image: Image.Image) -> Prepared:
    return kinds.find("garment")(Picture(image, ()), SHAPE)


def codes(result: Prepared) -> list[str]:
    return [step.code for step in result.steps]


def warned(result: Prepared) -> list[str]:
    return [warning.code for warning in result.warnings]


def shot(ground: str, colour: Colour, width: int = 80, height: int = 160) -> Image.Image:
    """A product in the corner of a plain studio picture."""
    image = Image.new("RGB", (240, 300), ground)
    ImageDraw.Draw(image).rectangle((12, 30, 11 + width, 29 + height), fill=colour)
    return image


def test_a_white_shirt_cut_out_of_its_ground_is_not_lost() -> None:
    shirt = Image.new("RGBA", (200, 240), (0, 0, 0, 0))
    ImageDraw.Draw(shirt).rectangle((50, 40, 149, 199), fill=(250, 250, 250, 255))
    ImageDraw.Draw(shirt).line((100, 40, 100, 199), fill=(215, 215, 220, 255), width=4)
    result = kinds.find("garment")(decode(png(shirt), LIMITS), SHAPE)
    assert covered(result.array)[0] == 28 and result.array[14, 14, 0] > 150
    assert codes(result)[:2] == ["alpha_black", "dark_ground"]


def covered(array: NDArray[np.uint8]) -> tuple[int, int]:
    """How many rows and columns hold anything."""
    return int(array.any(axis=(1, 2)).sum()), int(array.any(axis=(0, 2)).sum())


@pytest.mark.parametrize(
    ("width", "height", "stated"), [(80, 160, (28, 14)), (160, 80, (14, 28)), (90, 90, (28, 28)), (40, 160, (28, 7))]
)
def test_a_product_on_white_is_trimmed_and_negated_and_keeps_its_aspect(
    width: int, height: int, stated: tuple[int, int]
) -> None:
    result = prepared(shot("white", (60, 70, 90), width, height))
    assert codes(result) == ["inverted", "trimmed"] and warned(result) == [] and result.subject
    assert covered(result.array) == stated
    assert abs(int(result.array[14, 14, 0]) - 186) < 8


def test_a_product_on_black_is_trimmed_and_not_negated() -> None:
    result = prepared(shot("black", (230, 230, 230)))
    assert codes(result) == ["dark_ground", "trimmed"] and covered(result.array) == (28, 14)
    assert abs(int(result.array[14, 14, 0]) - 230) < 8


def test_a_black_garment_on_a_grey_ground_is_not_lost() -> None:
    assert prepared(shot("#707070", (15, 15, 20))).array[14, 14, 0] > 100


def test_a_light_garment_is_brightened_and_a_dark_one_left() -> None:
    light, dark = (prepared(shot("white", (level,) * 3)).array for level in (205, 20))
    assert light[14, 14, 0] > 150 and abs(int(dark[14, 14, 0]) - 235) < 8


@pytest.mark.parametrize("name", GROUNDS)
def test_a_garment_is_cut_out_of_a_cluttered_ground(name: str) -> None:
    for seed in (2, 3, 4):
        result = prepared(picture(subject_on(name, (40, 50, 110), seed)))
        assert codes(result) == ["cut_out"] and warned(result) == []
        # 155 by 110 pixels are 28 by 20; the rest is black, but for the edge that the antialiasing softens.
        assert not result.array[:, :3].any() and not result.array[:, -3:].any()
        assert result.array[4:24, 7:21].min() > 100 and result.array[14, 14, 0] > 150


def test_a_white_garment_on_a_carpet_is_brightened() -> None:
    result = prepared(picture(subject_on("carpet", (225, 220, 215), 2)))
    # Negated alone it would be at 35.
    assert codes(result) == ["cut_out"] and result.array[6:22, 8:20].mean() > 40


def test_what_cannot_be_told_from_its_ground_is_kept_with_a_warning() -> None:
    # Too small for a rim and a middle to have colours of their own.
    gradient = np.add.outer(np.arange(5) * 50, np.arange(5) * 12)
    result = prepared(Image.fromarray(gradient.astype(np.uint8)))
    assert codes(result) == ["inverted"] and "ground_kept" in warned(result)
    assert covered(result.array) == (28, 28)


@pytest.mark.parametrize("colour", ["white", "black", "grey", "red"])
@pytest.mark.parametrize("size", [(100, 80), (1, 1), (28, 28)])
def test_a_page_of_one_colour_is_blank(colour: str, size: tuple[int, int]) -> None:
    result = prepared(Image.new("RGB", size, colour))
    assert warned(result) == ["blank"] and not result.subject and not result.array.any()


def test_the_pictures_shipped_with_the_model_pass_untouched() -> None:
    for label in range(10):
        image = Image.open(BytesIO(golden("fashion_mnist", label)))
        result = prepared(image)
        assert codes(result) == ["untouched"] and np.array_equal(result.array[:, :, 0], np.asarray(image))
