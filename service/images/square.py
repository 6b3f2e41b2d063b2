"""Geometry and light that the kinds share: fitting into the model's frame, and what a picture's border says."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

T = TypeVar("T", bound=np.generic)

# Of 255: Fashion-MNIST's authors trimmed what is within 5 % of the corner's colour (Xiao et al. 2017, section 2).
SAME_COLOUR = 0.05 * 255
# Grey levels of 255 within which a picture is blank.
_BLANK_RANGE = 6
# Longest side of the copy that blankness and noise are judged on.
_SMALL_SIDE_PX = 64


def fit(image: Image.Image, width: int, height: int, ground: int | tuple[int, ...]) -> Image.Image:
    """The whole picture, aspect kept, antialiased, in the middle of a `width`×`height` frame of colour `ground`."""
    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    # Pillow's filters widen with the reduction, so they antialias; reducing_gap bounds the cost for big pictures.
    small = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    frame = Image.new(image.mode, (width, height), ground)
    frame.paste(small, ((width - size[0]) // 2, (height - size[1]) // 2))
    return frame


def fill(image: Image.Image, width: int, height: int) -> Image.Image:
    """The largest middle part of the picture with the frame's aspect, antialiased to `width`×`height`."""
    scale = min(image.width / width, image.height / height)
    crop = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (image.width - crop[0]) // 2, (image.height - crop[1]) // 2
    middle = image.crop((left, top, left + crop[0], top + crop[1]))
    return middle.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)


def border(image: Image.Image) -> NDArray[np.uint8]:
    """The outermost pixels of a grey picture, once around: uint8 `[N]`."""
    return rim(as_array(image)[..., 0])


def rim(array: NDArray[T]) -> NDArray[T]:
    """The outermost pixels of an array `[H, W, …]`, once around: `[N, …]`."""
    return np.concatenate([array[0], array[-1], array[1:-1, 0], array[1:-1, -1]])


def plain_ground(image: Image.Image, least: float) -> NDArray[np.float32] | None:
    """The colour `[channels]` of at least that part of the outermost pixels; None if there is no such colour."""
    pixels = _with_channels(image)
    around = rim(pixels)
    ground = np.median(around, axis=0)
    alike = np.abs(around - ground).max(axis=1) <= 2 * SAME_COLOUR
    return np.asarray(ground) if alike.mean() >= least else None


def is_blank(image: Image.Image) -> bool:
    """Whether all but one in a hundred pixels are nearly of one grey, on a copy small enough to average noise."""
    small = image.convert("L").resize((_SMALL_SIDE_PX, _SMALL_SIDE_PX), Image.Resampling.BOX)
    low, high = np.percentile(np.asarray(small), (0.5, 99.5))
    return bool(high - low < _BLANK_RANGE)


def likeness(image: Image.Image) -> float:
    """The correlation of neighbouring pixels in grey on a small copy, −1 to 1; 1 if all are the same."""
    small = image if image.mode == "L" else image.convert("L")
    if max(small.size) > _SMALL_SIDE_PX:
        small = small.resize(
            (min(small.width, _SMALL_SIDE_PX), min(small.height, _SMALL_SIDE_PX)), Image.Resampling.BOX
        )
    flat = as_array(small).ravel().astype(np.float32)
    flat -= flat.sum() / flat.size
    variance = float(flat @ flat)
    if variance == 0 or min(small.size) < 2:
        return 1.0
    grey = flat.reshape(small.height, small.width)
    down = float(flat[: -small.width] @ flat[small.width :])
    # Of the pixels in reading order, without the steps from one row's end to the next row.
    across = float(flat[:-1] @ flat[1:] - grey[:-1, -1] @ grey[1:, 0])
    return (down + across) / 2 / variance


def differing(image: Image.Image, ground: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which pixels `[H, W]` are not of the ground's colour `[channels]`."""
    return np.asarray(np.abs(_with_channels(image) - ground).max(axis=2) > SAME_COLOUR)


def _with_channels(image: Image.Image) -> NDArray[np.float32]:
    return as_array(image).astype(np.float32)


def as_array(image: Image.Image) -> NDArray[np.uint8]:
    """uint8 `[height, width, channels]` of an 8-bit picture, grey with one channel."""
    # Half the time of np.asarray, which goes by a dictionary, for a small picture.
    return np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, image.width, -1)
