"""No file, however odd, is anything but a picture or a named fault."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from service.errors import ImageFault
from service.images import kinds
from service.images.decode import FORMATS, Limits, decode
from tests.conftest import encoded, golden

LIMITS = Limits(max_bytes=2**20, max_pixels=2**16, max_frames=8)
MODES = (
    "1",
    "L",
    "LA",
    "P",
    "RGB",
    "RGBA",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "F",
    "I;16",
    "PA",
    "La",
    "RGBa",
    "RGBX",
)
SAMPLES = [
    encoded(Image.fromarray(np.random.default_rng(n).integers(0, 256, (24, 24, 3), dtype=np.uint8)), name)
    for n, name in enumerate(FORMATS)
] + [golden()]


def decoded_or_named(data: bytes) -> None:
    try:
        picture = decode(data, LIMITS)
    except ImageFault as fault:
        assert fault.text
        return
    assert picture.image.mode in ("L", "RGB")
    for kind in kinds.names():
        array = kinds.find(kind)(picture, (28, 28, 3)).array
        # A kind may know no colour.
        assert array.shape in ((28, 28, 3), (28, 28, 1)) and array.dtype == np.uint8


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_are_a_picture_or_a_named_fault(data: bytes) -> None:
    decoded_or_named(data)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=12),
    st.integers(0, 10_000),
)
def test_mutated_and_truncated_files_are_a_picture_or_a_named_fault(
    data: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    mutated = bytearray(data)
    for place, value in changes:
        mutated[place % len(mutated)] = value
    decoded_or_named(bytes(mutated[: len(mutated) - length % len(mutated)] if length % 3 == 0 else mutated))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(MODES), st.integers(1, 300), st.integers(1, 200), st.sampled_from(("PNG", "TIFF", "WEBP", "GIF"))
)
def test_every_mode_and_shape_is_a_picture(mode: str, width: int, height: int, name: str) -> None:
    try:
        data = encoded(Image.new(mode, (width, height)), name)
    except (OSError, ValueError, KeyError):
        return  # the format cannot hold this mode
    decoded_or_named(data)
