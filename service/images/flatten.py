"""Any mode of 8 bits a channel and any size to grey or RGB of a bounded size, by stated rules."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.images.steps import Step

# A big picture is reduced first, by averaging, as long as its shorter side keeps this many pixels; a model sees 32.
REDUCED_SIDE_PX = 256
# Of 255: colours that differ by less are one ink, drawn with soft edges or twice.
_SAME_INK = 8
# Of 255.
_NEARLY_WHITE = 208
# No side stays longer than this: only pictures of absurd proportions are.
_LONGEST_SIDE_PX = 16384


def reduced(image: Image.Image) -> Image.Image:
    """A big picture averaged down before anything else touches it, which bounds the memory that costs."""
    factor = max(min(image.size) // REDUCED_SIDE_PX, math.ceil(max(image.size) / _LONGEST_SIDE_PX))
    return image if factor <= 1 else _averageable(image).reduce(factor)


def _averageable(image: Image.Image) -> Image.Image:
    """In a mode whose neighbours can be averaged: palettes resolved, and a transparent colour as an alpha channel."""
    if "transparency" in image.info or image.mode == "PA":
        return image.convert("LA" if image.mode in ("1", "L") else "RGBA")
    return image.convert("L" if image.mode == "1" else "RGB") if image.mode in ("1", "P") else image


def flattened(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    """Any mode of 8 bits a channel as `L` or `RGB`."""
    if image.has_transparency_data:
        return _without_alpha(image)
    if image.mode in ("L", "RGB"):
        return image, []
    if image.mode == "1":
        return image.convert("L"), []
    if image.mode == "P" and _is_grey(image):
        return image.convert("L"), [Step("palette", "grey palette resolved")]
    return image.convert("RGB"), [Step("converted", f"{image.mode} converted to RGB")]


def _is_grey(image: Image.Image) -> bool:
    palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _without_alpha(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    """Alpha over white, or over black where white would hide what is visible; where the visible colours carry nothing,
    alpha itself is the ink, dark on white.
    """
    rgba = image.convert("RGBA")
    pixels = np.asarray(rgba)
    alpha = pixels[..., 3]
    if alpha.min() == 255:
        return _opaque(image, rgba), []
    visible = pixels[alpha > 0][:, :3]
    if len(visible) and (np.ptp(visible, axis=0) <= _SAME_INK).all():
        return Image.fromarray(255 - alpha), [Step("alpha_ink", "one colour throughout: its opacity taken as dark ink")]
    ground = "black" if _is_light(rgba, alpha) else "white"
    flat = Image.alpha_composite(Image.new("RGBA", rgba.size, ground), rgba)
    return _opaque(image, flat), [Step(f"alpha_{ground}", f"transparency laid over {ground}")]


def _is_light(rgba: Image.Image, alpha: NDArray[np.uint8]) -> bool:
    """Whether what is visible is nearly white on the average, as a white shirt that was cut out of its ground."""
    weight = alpha.sum(dtype=np.float64)
    return bool(weight) and float((np.asarray(rgba.convert("L")) * (alpha / weight)).sum()) > _NEARLY_WHITE


def _opaque(source: Image.Image, rgba: Image.Image) -> Image.Image:
    return rgba.convert("L" if source.mode in ("L", "LA", "La", "1") else "RGB")
