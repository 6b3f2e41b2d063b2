"""Whatever a picture holds, each kind makes of it an array of the model's shape, always the same one."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from service.images import kinds
from service.images.decode import Picture

Shape = tuple[int, int, int]
SHAPES: tuple[Shape, ...] = (28, 28, 1), (32, 32, 3)
SIZES = st.one_of(
    st.tuples(st.integers(1, 200), st.integers(1, 200)),
    st.tuples(st.integers(1, 8), st.integers(1, 8)),
    st.sampled_from([(1, 3000), (3000, 1), (2, 900), (28, 28), (32, 32), (256, 3)]),
)


def noise(size: tuple[int, int], mode: str, seed: int, strength: float) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    shape = size[::-1] if mode == "L" else (*size[::-1], 3)
    return np.clip(random.integers(0, 256) + strength * random.standard_normal(shape), 0, 255).astype(np.uint8)


def picture(size: tuple[int, int], mode: str, seed: int, strength: float, rectangles: int) -> Image.Image:
    """Grain of some strength on one level, and rectangles of any colour anywhere on it."""
    random = np.random.default_rng(seed)
    image = Image.fromarray(noise(size, mode, seed, strength))
    draw = ImageDraw.Draw(image)
    for _ in range(rectangles):
        (left, right), (top, bottom) = (sorted(random.integers(0, side, 2).tolist()) for side in size)
        colour = random.integers(0, 256, 3).tolist()
        draw.rectangle((left, top, right, bottom), fill=colour[0] if mode == "L" else tuple(colour))
    return image


def assert_prepared(kind: str, image: Image.Image, shape: Shape) -> None:
    prepare, before = kinds.find(kind), image.tobytes()
    first, second = (prepare(Picture(image, ()), shape) for _ in range(2))
    # A kind may know no colour.
    assert first.array.shape in (shape, (*shape[:2], 1)) and first.array.dtype == np.uint8
    assert np.array_equal(first.array, second.array) and first[1:] == second[1:]
    assert image.tobytes() == before
    assert first.steps or first.warnings
    assert all(step.code and step.text for step in (*first.steps, *first.warnings))
    assert first.subject or first.warnings


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", kinds.names())
@settings(max_examples=150, deadline=None)
@given(SIZES, st.sampled_from(("L", "RGB")), st.integers(0, 2**20), st.sampled_from((0, 2, 12, 200)), st.integers(0, 5))
@example((2, 900), "L", 1, 200, 0)
@example((2, 8), "RGB", 1, 200, 0)
@example((1, 3), "RGB", 0, 2, 0)
def test_any_picture_is_prepared(
    kind: str, shape: Shape, size: tuple[int, int], mode: str, seed: int, strength: float, rectangles: int
) -> None:
    assert_prepared(kind, picture(size, mode, seed, strength, rectangles), shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", kinds.names())
@settings(max_examples=60, deadline=None)
@given(SIZES, st.sampled_from(("L", "RGB")), st.integers(0, 255))
def test_one_colour_is_prepared(kind: str, shape: Shape, size: tuple[int, int], mode: str, level: int) -> None:
    assert_prepared(kind, Image.new(mode, size, level if mode == "L" else (level, 255 - level, 7)), shape)
