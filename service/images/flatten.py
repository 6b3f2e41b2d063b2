"""Any mode and size of Pillow's pictures to 8-bit grey or RGB of a bounded size, by stated rules."""

import math

import numpy as np
from PIL import Image

from service.images.steps import Step

# A big picture is reduced first, by averaging, as long as its shorter side keeps this many pixels; a model sees 32.
REDUCED_SIDE_PX = 256
# No side stays longer than this: only pictures of absurd proportions are.
_LONGEST_SIDE_PX = 16384
# 16 bits to 8: divided by 257, so that 65535 becomes 255.
_16_TO_8_BITS = np.rint(np.arange(65536) / 257).astype(np.uint8)


def reduced(image: Image.Image) -> Image.Image:
    """A big picture averaged down before anything else touches it, which bounds the memory that costs."""
    factor = max(min(image.size) // REDUCED_SIDE_PX, math.ceil(max(image.size) / _LONGEST_SIDE_PX))
    if factor <= 1 or image.mode.startswith("I;"):
        return image
    if image.mode in ("1", "P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "L" if image.mode == "1" else "RGB")
    return image.reduce(factor)


def flattened(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    """Any mode of Pillow as `L` or `RGB`."""
    if image.mode.startswith("I;16"):
        return _from_16_bits(image)
    if image.mode in ("I", "F"):
        return _stretched(image)
    if image.has_transparency_data:
        return _without_alpha(image)
    if image.mode in ("L", "RGB"):
        return image, []
    if image.mode == "1":
        return image.convert("L"), []
    if image.mode == "P" and _is_grey(image):
        return image.convert("L"), [Step("palette", "grey palette resolved")]
    return image.convert("RGB"), [Step("converted", f"{image.mode} converted to RGB")]


def _from_16_bits(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    values = np.asarray(image)
    steps = [Step("16_bit", "16 bits reduced to 8")]
    grey = reduced(Image.fromarray(_16_TO_8_BITS[values]))
    transparent = image.info.get("transparency")
    if not isinstance(transparent, int):
        return grey, steps
    alpha = reduced(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    flat, flattening = _without_alpha(Image.merge("LA", (grey, alpha)))
    return flat, steps + flattening


def _is_grey(image: Image.Image) -> bool:
    palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _stretched(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    """32-bit values have no stated range: 16-bit ones are taken as such, all others run from darkest to lightest."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if image.mode == "I" and low >= 0 and 255 < high <= 65535:
        return _grey(values / 257), [Step("16_bit", "16 bits reduced to 8")]
    if image.mode == "I" and low >= 0 and high <= 255:
        return _grey(values), []
    stretched = (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
    return _grey(stretched), [Step("stretched", f"32-bit values from {low:g} to {high:g} stretched to 8 bits")]


def _grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _without_alpha(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    """Alpha over white; where the visible colours carry nothing, alpha itself is the ink, dark on white."""
    rgba = image.convert("RGBA")
    pixels = np.asarray(rgba)
    alpha = pixels[..., 3]
    if alpha.min() == 255:
        return _opaque(image, rgba), []
    visible = pixels[alpha > 0][:, :3]
    if len(visible) and (visible == visible[0]).all():
        return Image.fromarray(255 - alpha), [Step("alpha_ink", "one colour throughout: its opacity taken as dark ink")]
    ground = Image.new("RGBA", rgba.size, "white")
    flat = Image.alpha_composite(ground, rgba)
    return _opaque(image, flat), [Step("alpha_white", "transparency laid over white")]


def _opaque(source: Image.Image, rgba: Image.Image) -> Image.Image:
    return rgba.convert("L" if source.mode in ("L", "LA", "La", "1") else "RGB")
