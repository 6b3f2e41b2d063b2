"""Strokes on an even ground are told from things."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from service.images.drawing import is_drawing
from tests.conftest import shipped

Draw = Callable[[ImageDraw.ImageDraw], None]
PAPER = "#e8e6df"


def drawn(strokes: Draw, ground: str = PAPER) -> np.ndarray:
    """Drawn at ten times the size, so that its edges are soft."""
    image = Image.new("RGB", (320, 320), ground)
    strokes(ImageDraw.Draw(image))
    return np.asarray(image.resize((32, 32), Image.Resampling.BOX))


def seven(draw: ImageDraw.ImageDraw) -> None:
    draw.line([(90, 70), (230, 70), (140, 260)], fill="#203080", width=24, joint="curve")


def word(draw: ImageDraw.ImageDraw) -> None:
    for left in (20, 120, 220):
        draw.ellipse((left, 120, left + 80, 200), outline="black", width=14)


def thing(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((80, 110, 240, 210), fill="#a02020")


@pytest.mark.parametrize("strokes", [seven, word])
@pytest.mark.parametrize("ground", [PAPER, "white", "#f0e060"])
def test_strokes_on_paper_are_a_drawing(strokes: Draw, ground: str) -> None:
    assert is_drawing(drawn(strokes, ground))


def test_chalk_and_dark_mode_are_a_drawing() -> None:
    assert is_drawing(255 - drawn(seven, "white"))


def test_it_is_judged_at_any_size_and_in_grey() -> None:
    grey = np.asarray(Image.fromarray(drawn(seven)).convert("L").resize((64, 48)))[:, :, None]
    assert is_drawing(grey)


def test_strokes_may_run_out_of_the_picture() -> None:
    def line(draw: ImageDraw.ImageDraw) -> None:
        draw.line([(0, 300), (319, 20)], fill="black", width=24)

    assert is_drawing(drawn(line))


def test_a_thing_before_a_plain_wall_is_none() -> None:
    assert not is_drawing(drawn(thing))


def test_texture_is_none() -> None:
    def grass(draw: ImageDraw.ImageDraw) -> None:
        for place in range(0, 320, 40):
            for height in range(0, 320, 80):
                draw.line([(place, height), (place + 10, height + 50)], fill="#203010", width=12)

    assert not is_drawing(drawn(grass))


def test_ground_that_is_not_even_is_none() -> None:
    sky = drawn(seven).astype(int) + np.linspace(-60, 20, 32)[:, None, None]
    assert not is_drawing(np.clip(sky, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_page_is_none(level: int) -> None:
    assert not is_drawing(np.full((32, 32, 3), level, np.uint8))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2)])
def test_pictures_too_small_for_strokes_are_judged_without_a_fault(size: tuple[int, int]) -> None:
    is_drawing(np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8))


def test_photographs_of_the_data_set_are_none() -> None:
    for file in sorted((shipped("cifar10") / "golden").glob("*.png")):
        assert not is_drawing(np.asarray(Image.open(file))), file.name
