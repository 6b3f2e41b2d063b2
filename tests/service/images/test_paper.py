"""The paper that a mark stands on is found where it is one, and only there."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from service.images import paper

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
SIZE = (300, 360)


def blank(colour: tuple[int, int, int] = WHITE) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", SIZE, colour)
    return image, ImageDraw.Draw(image)


def noted() -> Image.Image:
    """A note with a stroke on it, on a table."""
    image, draw = blank((110, 85, 60))
    draw.rectangle((40, 80, 239, 279), fill=(240, 230, 120))
    draw.line((140, 120, 130, 230), fill=(30, 30, 60), width=8)
    return image


def test_a_note_on_a_darker_table_is_found_without_its_rim() -> None:
    left, top, right, bottom = paper.sheet(noted()) or (0, 0, 0, 0)
    assert 40 < left <= 65 and 80 < top <= 105 and 215 <= right < 240 and 255 <= bottom < 280


def test_a_note_that_leaves_the_picture_at_one_side_is_found() -> None:
    assert paper.sheet(noted().crop((0, 0, 230, 360)))


def test_a_page_with_a_stroke_is_no_sheet() -> None:
    image, draw = blank()
    draw.line((140, 120, 130, 230), fill=BLACK, width=8)
    assert paper.sheet(image) is None


@pytest.mark.parametrize("width", [20, 45])
def test_a_light_zero_is_no_sheet(width: int) -> None:
    image, draw = blank(BLACK)
    draw.rounded_rectangle((60, 80, 240, 280), 40, outline=WHITE, width=width)
    assert paper.sheet(image) is None


def test_a_light_one_is_no_sheet() -> None:
    image, draw = blank(BLACK)
    draw.line((150, 40, 150, 320), fill=WHITE, width=40)
    assert paper.sheet(image) is None


def test_a_drawn_frame_is_no_sheet() -> None:
    image, draw = blank()
    draw.rectangle((40, 40, 259, 259), outline=BLACK, width=6)
    assert paper.sheet(image) is None


def test_light_that_falls_off_is_no_sheet() -> None:
    rows, columns = np.mgrid[:360, :300]
    spot = 250 * np.exp(-(((rows - 180) / 150) ** 2) - ((columns - 150) / 120) ** 2)
    assert paper.sheet(Image.fromarray(spot.astype(np.uint8))) is None


def crossed(lines: int) -> Image.Image:
    """A white picture with as many strokes from edge to edge, both ways."""
    image, draw = blank()
    for number in range(lines):
        across, down = ((number + 1) * side // (lines + 1) for side in SIZE)
        draw.line((across, 0, across, 359), fill=BLACK, width=12)
        draw.line((0, down, 299, down), fill=BLACK, width=12)
    return image


def test_what_is_cut_to_its_ink_gets_a_margin_of_its_ground() -> None:
    wider = paper.with_margin(crossed(1))
    assert wider is not None and wider.size == (300 + 2 * 54, 360 + 2 * 54)
    assert wider.getpixel((0, 0)) == WHITE and wider.getpixel((204, 54)) == BLACK


def test_light_ink_gets_a_margin_of_its_dark_ground() -> None:
    inverted = Image.fromarray(255 - np.asarray(crossed(1).convert("L")))
    wider = paper.with_margin(inverted)
    assert wider is not None and wider.getpixel((0, 0)) == 0


def test_squared_paper_gets_no_margin() -> None:
    assert paper.with_margin(crossed(6)) is None


def test_ink_that_keeps_off_an_edge_needs_no_margin() -> None:
    assert paper.with_margin(crossed(1).crop((0, 0, 140, 360))) is None


def test_a_photograph_gets_no_margin() -> None:
    noise = np.random.default_rng(1).normal(0, 6, (360, 300, 3))
    pixels = np.clip(np.asarray(crossed(1), float) * 0.8 + 20 + noise, 0, 255)
    assert paper.with_margin(Image.fromarray(pixels.astype(np.uint8))) is None
