"""Each kind of subject becomes the array its data set would hold; the decisions are told."""

import numpy as np
import pytest
from PIL import Image

from service.errors import ModelFault
from service.images import kinds
from service.images.decode import Picture
from service.images.kinds import Prepared

GREY, COLOUR = (28, 28, 1), (32, 32, 3)


def prepared(kind: str, image: Image.Image, shape: tuple[int, int, int]) -> Prepared:
    return kinds.find(kind)(Picture(image, ()), shape)


def codes(result: Prepared) -> list[str]:
    return [step.code for step in result.steps]


def drawn(size: tuple[int, int], ground: int, ink: int) -> Image.Image:
    image = Image.new("L", size, ground)
    width, height = size
    image.paste(ink, (width // 3, height // 3, width // 2, 2 * height // 3))
    return image


@pytest.mark.parametrize("kind", ["digit", "garment"])
def test_a_data_set_picture_passes_untouched(kind: str) -> None:
    array = np.zeros((28, 28), np.uint8)
    # Alike above and below, left and right, so that its mass lies in the middle.
    array[4:24, 6:22], array[7:21, 10:18] = 120, 250
    result = prepared(kind, Image.fromarray(array), GREY)
    assert np.array_equal(result.array[:, :, 0], array)
    assert codes(result) == ["untouched"]


def test_a_data_set_photo_passes_untouched() -> None:
    array = np.random.default_rng(1).integers(0, 256, COLOUR, dtype=np.uint8)
    result = prepared("photo", Image.fromarray(array), COLOUR)
    assert np.array_equal(result.array, array) and codes(result) == ["untouched"]


@pytest.mark.parametrize(("kind", "placing"), [("digit", "boxed"), ("garment", "trimmed")])
def test_dark_on_light_becomes_light_on_dark(kind: str, placing: str) -> None:
    result = prepared(kind, drawn((280, 280), 250, 10), GREY)
    assert result.array[0, 0, 0] == 0 and result.array[14, 14, 0] > 200
    assert codes(result) == ["inverted", placing]


@pytest.mark.parametrize(
    ("kind", "taken"), [("digit", ["light_ink", "boxed"]), ("garment", ["dark_ground", "trimmed"])]
)
def test_light_on_dark_keeps_its_polarity(kind: str, taken: list[str]) -> None:
    result = prepared(kind, drawn((280, 280), 5, 245), GREY)
    assert result.array[0, 0, 0] == 0 and result.array[14, 14, 0] > 200
    assert codes(result) == taken


@pytest.mark.parametrize("kind", ["digit", "garment"])
def test_a_light_picture_of_the_exact_size_is_inverted_not_passed(kind: str) -> None:
    result = prepared(kind, drawn((28, 28), 255, 0), GREY)
    assert result.array[0, 0, 0] == 0 and codes(result)[0] == "inverted"


def test_the_middle_square_of_a_photo_is_used() -> None:
    image = Image.new("RGB", (300, 100), "red")
    image.paste("blue", (100, 0, 200, 100))
    result = prepared("photo", image, COLOUR)
    assert (result.array == (0, 0, 255)).all() and codes(result) == ["cropped", "resized"]


def test_a_grey_photo_gets_three_channels() -> None:
    result = prepared("photo", Image.new("L", (64, 64), 90), COLOUR)
    assert (result.array == 90).all() and result.array.shape == COLOUR


def test_fine_detail_is_averaged_not_skipped() -> None:
    stripes = np.zeros((320, 320), np.uint8)
    stripes[:, ::2] = 200
    stripes[:10] = stripes[-10:] = 0
    middle = prepared("photo", Image.fromarray(stripes), COLOUR).array[8:20, 8:20]
    assert np.abs(middle.astype(int) - 100).max() < 10


@pytest.mark.parametrize("kind", ["digit", "garment", "photo"])
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 5)])
def test_extreme_shapes_are_prepared(kind: str, size: tuple[int, int]) -> None:
    shape = COLOUR if kind == "photo" else GREY
    result = prepared(kind, Image.new("RGB", size, "white"), shape)
    assert result.array.shape == shape and result.array.dtype == np.uint8


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(ModelFault, match=", ".join(kinds.names())):
        kinds.find("hologram")
