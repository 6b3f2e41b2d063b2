"""Grey values of more than 8 bits a pixel to 8 bits, by stated rules."""

import functools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.images.steps import Step

_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _UNSIGNED = 0, 1, 1
# Converted in blocks of about this many values, so that a big picture is never held in floats as a whole.
_BLOCK = 2**20


def to_8_bits(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    """A 16-bit or 32-bit grey picture as `L`, or `LA` where one value is transparent; any other one as it is."""
    if image.mode.startswith("I;16"):
        return _from_16_bits(image)
    if image.mode in ("I", "F"):
        return _from_32_bits(image)
    return image, []


def _from_16_bits(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    bits = _tag(image, _BITS_PER_SAMPLE, 16)
    table = _table(bits)
    if _tag(image, _PHOTOMETRIC, _BLACK_IS_ZERO) == _WHITE_IS_ZERO:
        table = 255 - table
    values = np.asarray(image)
    steps = [Step(f"{bits}_bit", f"{bits} bits reduced to 8")]
    grey = Image.fromarray(table[values])
    transparent = image.info.get("transparency")
    if not isinstance(transparent, int):
        return grey, steps
    alpha = Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    return Image.merge("LA", (grey, alpha)), steps


@functools.lru_cache(maxsize=4)
def _table(bits: int) -> NDArray[np.uint8]:
    """For each 16-bit value its share of the largest of `bits` bits, as 0 to 255: 65535 of 16 becomes 255."""
    shares: NDArray[np.float64] = np.minimum(np.arange(65536) / (2**bits - 1), 1)
    return np.rint(shares * 255).astype(np.uint8)


def _from_32_bits(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    """32-bit values have no stated range: whole ones within 8 or 16 bits are taken as such, all others stretched."""
    low, high = _range(image)
    if image.mode == "I" and low >= 0 and high <= 255:
        return _scaled(image, 0, 255), []
    if image.mode == "I" and low >= 0 and high <= 65535:
        return _scaled(image, 0, 65535), [Step("16_bit", "16 bits reduced to 8")]
    return _scaled(image, low, high), [Step("stretched", f"values from {low:g} to {high:g} stretched to 8 bits")]


def _tag(image: Image.Image, number: int, otherwise: int) -> int:
    """A TIFF's tag; `otherwise` where it has none, and of every other format."""
    found = getattr(image, "tag_v2", {}).get(number, otherwise)
    return int(found[0] if isinstance(found, tuple) else found)


def _range(image: Image.Image) -> tuple[float, float]:
    """The least and the greatest finite value; 0 and 0 where there is none."""
    finite = (block[np.isfinite(block)] for block in bands(image))
    ends = [(float(block.min()), float(block.max())) for block in finite if block.size]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else (0.0, 0.0)


def _scaled(image: Image.Image, low: float, high: float) -> Image.Image:
    """`low` as 0, `high` as 255; what is not a number as 0."""
    factor = 255 / (high - low) if high > low else 0.0
    shares = (np.nan_to_num((block.astype(np.float64) - low) * factor) for block in bands(image))
    return Image.fromarray(np.concatenate([np.clip(np.rint(share), 0, 255).astype(np.uint8) for share in shares]))


def bands(image: Image.Image) -> Iterator[NDArray[np.generic]]:
    """The values in bands of whole rows."""
    tagged = _tag(image, _BITS_PER_SAMPLE, 0) == 32 and _tag(image, _SAMPLE_FORMAT, _UNSIGNED) == _UNSIGNED
    rows = max(1, _BLOCK // image.width)
    for top in range(0, image.height, rows):
        values = np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
        # Pillow reads unsigned values into signed ones.
        yield values.view(np.uint32) if tagged and image.mode == "I" else values
