"""A photo is cut to the thing in it, in colour."""

import numpy as np
import pytest
from PIL import Image

from service.images import kinds
from service.images.decode import Picture
from service.images.kinds import Prepared

COLOUR, GREY = (32, 32, 3), (32, 32, 1)
RED = (200, 30, 30)


def prepared(image: Image.Image, shape: tuple[int, int, int] = COLOUR) -> Prepared:
    return kinds.find("photo")(Picture(image, ()), shape)


def codes(result: Prepared) -> list[str]:
    return [step.code for step in result.steps]


def warned(result: Prepared) -> list[str]:
    return [warning.code for warning in result.warnings]


def thing(size: tuple[int, int], box: tuple[int, int, int, int], ground: str = "white") -> Image.Image:
    image = Image.new("RGB", size, ground)
    image.paste(RED, box)
    return image


def red_box(result: Prepared) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is red."""
    red = np.abs(result.array.astype(int) - RED).max(axis=2) < 60
    box = Image.fromarray(red).getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize("ground", ["white", "black", "#3366cc"])
@pytest.mark.parametrize("corner", [(100, 60), (1, 1), (219, 119)])
def test_a_plain_margin_is_trimmed_to_a_square_around_the_thing(ground: str, corner: tuple[int, int]) -> None:
    left, top = corner
    result = prepared(thing((300, 200), (left, top, left + 80, top + 80), ground))
    assert codes(result) == ["trimmed", "resized"] and warned(result) == []
    assert "80×80 of 300×200" in result.steps[0].text
    # 80 of 93 pixels, so 28 of 32, with the ground's own colour around.
    assert np.abs(np.subtract(red_box(result), (2, 2, 30, 30))).max() <= 1
    assert (result.array[0, 0] == np.asarray(Image.new("RGB", (1, 1), ground))[0, 0]).all()


def test_a_long_thing_keeps_its_aspect() -> None:
    left, top, right, bottom = red_box(prepared(thing((300, 200), (40, 80, 200, 120))))
    assert (right - left) / (bottom - top) == pytest.approx(4, abs=0.8)


def test_a_panorama_is_not_trimmed() -> None:
    result = prepared(thing((900, 100), (420, 20, 480, 80)))
    assert codes(result) == ["cropped", "resized"]
    assert np.abs(np.subtract(red_box(result), (6, 6, 26, 26))).max() <= 1


def test_the_middle_square_is_used_where_nothing_is_plain() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (100, 300, 3), dtype=np.uint8)
    pixels[:, 100:200] = np.linspace(0, 255, 100).astype(np.uint8)[:, None, None]
    result = prepared(Image.fromarray(pixels))
    assert codes(result) == ["cropped", "resized"]
    assert np.abs(result.array.astype(int) - np.linspace(4, 251, 32)[:, None, None]).max() < 8


@pytest.mark.parametrize(("mode", "shape"), [("L", COLOUR), ("RGB", GREY)])
def test_the_channels_become_those_of_the_model(mode: str, shape: tuple[int, int, int]) -> None:
    image = Image.linear_gradient("L").convert(mode)
    result = prepared(image, shape)
    assert result.array.shape == shape and codes(result)[0] == "converted"
    assert (result.array == result.array[:, :, :1]).all() and np.ptp(result.array) > 200


def test_channels_that_fit_are_not_converted() -> None:
    assert "converted" not in codes(prepared(Image.linear_gradient("L"), GREY))
    assert "converted" not in codes(prepared(thing((64, 64), (0, 0, 20, 64))))


def test_a_square_photo_is_only_reduced() -> None:
    pixels = np.kron(np.arange(64).reshape(8, 8, 1) * np.array([4, 3, 2]), np.ones((16, 16, 1)))
    result = prepared(Image.fromarray(pixels.astype(np.uint8)))
    assert codes(result) == ["resized"] and result.subject


def test_a_photo_of_the_exact_size_passes_untouched() -> None:
    pixels = np.asarray(thing((32, 32), (8, 8, 20, 20)))
    result = prepared(Image.fromarray(pixels))
    assert np.array_equal(result.array, pixels) and codes(result) == ["untouched"]


@pytest.mark.parametrize("colour", ["white", "black", "red", "#123456"])
@pytest.mark.parametrize("size", [(60, 60), (300, 100), (1, 1), (1, 3000)])
def test_one_colour_throughout_stays_that_colour_and_is_blank(colour: str, size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, colour)
    result = prepared(image)
    assert (result.array == np.asarray(image)[0, 0]).all()
    assert warned(result) == ["blank"] and not result.subject
