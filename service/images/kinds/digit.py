"""A digit, as in MNIST: light ink on black, in a box of 20×20 in the middle of 28×28 by its centre of mass."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from service.images import components, ground, marks, paper, square
from service.images.decode import Picture
from service.images.ground import Grey
from service.images.kinds import BLANK, Prepared
from service.images.marks import Found
from service.images.steps import Step

# MNIST's authors fitted each digit into 20×20 of the 28×28 pixels (LeCun et al. 1998, section III).
_BOX = 20 / 28
# Ink is located on a picture of this longest side.
_SIDE_PX = 256
# Times that side: a page so large is looked at again where its digit is, if that is this small a part of the side.
_LARGE_PAGE, _SMALL_DIGIT = 1.3, 0.15
# Grey levels: a picture whose ink differs less from its paper, or from a ground without any noise, is blank.
_LEAST_CONTRAST, _LEAST_ON_CLEAN = 14, 10
# Contrast of noise, in deviations, that is not yet ink.
_NOISE = 6
# Of the ink: a part less than this is a speck in it.
_DARKEST_PART, _DARKER = 0.02, 2
# Of full ink: where a stroke ends.
_EDGE = 0.45
# Of full ink: what is paler does not count where the ink's own strength is judged.
_FAINT = 0.1
# Of MNIST's 28: thinner strokes are thickened to it.
_PEN_WIDTH_PX = 2.4
# A channel is preferred to grey if ink stands out this much more in it: yellow on white, red on black.
_COLOURED = 1.6
_UNTOUCHED = Step("untouched", "already in the form of the data set")
_SHEET = Step("sheet", "what lies around the sheet left out")
_MARGIN = Step("margin", "ink reaches the edges, so a margin was added")
_GREY = Step("grey", "colours turned to grey")
_INVERTED = Step("inverted", "dark ink on a light ground, so dark and light were swapped")
_SEVERAL = Step("several_digits", "there seem to be several digits; cut them apart and send one a picture")


class Ink(NamedTuple):
    """Strokes cut out of a picture: how dark each pixel `[H, W]` is, 0 to 1.

    `edges` are their top, bottom, left and right on the small copy that was looked at.
    """

    strength: Grey
    edges: tuple[int, int, int, int]
    steps: tuple[Step, ...]
    warnings: tuple[Step, ...] = ()


def prepare(picture: Picture, shape: tuple[int, int, int]) -> Prepared:
    """The digit alone, light on black, sized and placed as MNIST's; a picture in MNIST's form passes untouched."""
    height, width, _ = shape
    if ready := _ready(picture.image, height, width):
        array, steps = ready
        return Prepared(array, (*picture.steps, *steps), in_form=True)
    ink = _on_its_paper(picture.image)
    if ink is None:
        return Prepared(np.zeros((height, width, 1), np.uint8), picture.steps, (BLANK,), subject=False)
    placed, placing = _placed(ink.strength, height, width)
    return Prepared(placed[:, :, None], (*picture.steps, *ink.steps, *placing), ink.warnings)


def _ready(image: Image.Image, height: int, width: int) -> tuple[NDArray[np.uint8], tuple[Step, ...]] | None:
    """The picture, or its negative, if that is in MNIST's form, and what was done to it; None if neither is."""
    if image.size != (width, height) or not (image.mode == "L" or _is_grey(image)):
        return None
    grey, steps = (image, ()) if image.mode == "L" else (image.convert("L"), (_GREY,))
    if (array := _in_form(grey, height, width)) is not None:
        return array, (*steps, _UNTOUCHED)
    array = _in_form(ImageOps.invert(grey), height, width)
    return None if array is None else (array, (*steps, _INVERTED))


def _is_grey(image: Image.Image) -> bool:
    red, green, blue = (channel.tobytes() for channel in image.split())
    return red == green == blue


def _in_form(image: Image.Image, height: int, width: int) -> NDArray[np.uint8] | None:
    """The picture if it is on black, fills the box and has its centre of mass in the middle, to a pixel."""
    if (inked := image.getbbox()) is None:
        return None
    box, across = round(height * _BOX), max(inked[2] - inked[0], inked[3] - inked[1])
    if not box - 1 <= across <= box:
        return None
    array = square.as_array(image)
    row, column = _centre_of_mass(array[..., 0].astype(np.float32))
    return array if abs(row - height / 2) <= 0.6 and abs(column - width / 2) <= 0.6 else None


def _centre_of_mass(strength: Grey) -> tuple[float, float]:
    """Row and column."""
    down, across = (_moments(length) for length in strength.shape)
    (total, columns), (rows, _) = (down @ strength @ across.T).tolist()
    return rows / total, columns / total


@cache
def _moments(length: int) -> Grey:
    """What sums up a line of that length, and what weighs it by place: `[2, length]`."""
    return np.stack([np.ones(length), np.arange(length)]).astype(np.float32)


def _on_its_paper(image: Image.Image) -> Ink | None:
    """The strokes on the sheet that lies in the picture, if there are any on one; else those of the whole picture."""
    wider = paper.with_margin(image)
    sheet = None if wider else paper.sheet(image)
    for part, told in ((wider, _MARGIN), (sheet and image.crop(sheet), _SHEET)):
        if part and (ink := _looked_at_closely(part)):
            return ink._replace(steps=(told, *ink.steps))
    return _looked_at_closely(image)


def _looked_at_closely(image: Image.Image) -> Ink | None:
    """The strokes, of a small digit on a large page from a cutting around it: from afar they would run together."""
    ink = _ink(image)
    scale = max(image.size) / _SIDE_PX
    if ink is None or scale < _LARGE_PAGE or max(ink.strength.shape) > _SMALL_DIGIT * _SIDE_PX:
        return ink
    top, bottom, left, right = (round(edge * scale) for edge in ink.edges)
    margin = max(bottom - top, right - left) // 2
    closer = _ink(image.crop((max(left - margin, 0), max(top - margin, 0), right + margin, bottom + margin)))
    return closer._replace(steps=tuple(dict.fromkeys((*ink.steps, *closer.steps)))) if closer else ink


def _ink(image: Image.Image) -> Ink | None:
    """The strokes; None if there is nothing but ground."""
    small = image.copy()
    small.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)
    grey, steps = _dark_on_light(*_channel(small))
    contrast = ground.contrast(grey)
    found: Found | None = None
    level: float | None = None
    # Twice: what the first look leaves out, a frame say, was perhaps darker than the ink.
    for _ in range(2):
        if (level := _ink_level(contrast)) is None:
            return None
        found = marks.of_digit(ground.smoothed(contrast) > level * _EDGE, found)
        contrast = np.where(found.left_out, 0, contrast)
    assert found is not None and level is not None
    if not found.mask.any():
        return None
    strength = np.clip(contrast / level, 0, 1) * marks.grown(found.mask)
    warnings = (_SEVERAL,) if found.several else ()
    rows, columns = components.box(strength > 2 * _FAINT)
    edges = rows.start or 0, rows.stop or 0, columns.start or 0, columns.stop or 0
    return Ink(strength[rows, columns], edges, (*steps, *found.steps), warnings)


def _dark_on_light(grey: Grey, steps: list[Step]) -> tuple[Grey, list[Step]]:
    if ground.lies_light(grey):
        return 255 - grey, [*steps, Step("light_ink", "light ink on a dark ground")]
    return grey, [*steps, _INVERTED]


def _channel(image: Image.Image) -> tuple[Grey, list[Step]]:
    grey = image.convert("L")
    if image.mode == "L":
        return np.asarray(grey, np.float32), []
    channels = dict(zip(("red", "green", "blue"), image.split(), strict=True))
    spreads = {name: _spread(channel) for name, channel in channels.items()}
    name = max(spreads, key=spreads.__getitem__)
    if spreads[name] > _COLOURED * max(_spread(grey), 1):
        return np.asarray(channels[name], np.float32), [Step("channel", f"{name} alone, where the ink stands out best")]
    return np.asarray(grey, np.float32), [_GREY]


def _spread(channel: Image.Image) -> float:
    """From dark to light, but for the last percent either way: `numpy.percentile`, without sorting the pixels."""
    ranks = np.cumsum(channel.histogram())
    places = np.array([0.01, 0.99]) * (ranks[-1] - 1)
    before, after = (np.searchsorted(ranks, rounded(places), "right") for rounded in (np.floor, np.ceil))
    low, high = before + (after - before) * (places % 1)
    return float(high - low)


def _ink_level(contrast: Grey) -> float | None:
    """The contrast of full ink; None where none differs from noise."""
    contrast = ground.smoothed(contrast)
    parted = ground.otsu(contrast)
    ink = contrast[contrast > parted]
    if ink.size == 0:
        return None
    second = ground.otsu(ink)
    darkest, paler = ink[ink > second], ink[ink <= second]
    level = float(np.median(ink))
    # Paper may be squared: its lines are ink to the first parting, and pale to the second.
    if paler.size and darkest.size >= _DARKEST_PART * ink.size and np.median(darkest) >= _DARKER * np.median(paler):
        level = float(np.median(darkest))
    below = contrast[contrast <= parted]
    noise = float(np.median(below)) if below.size else 0.0
    return level if level > max(_LEAST_CONTRAST if noise else _LEAST_ON_CLEAN, _NOISE * noise) else None


def _stroke_width(strength: Grey) -> float:
    """The mean width of the strokes in pixels: twice their area by their outline."""
    mask = np.pad(strength > 0.5, 1)
    inner = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    area = int(mask.sum())
    outline = area - int(inner.sum())
    return 2 * area / outline if outline else 0.0


def _thickened(strength: Grey, box: int) -> Grey:
    """Thin strokes as wide as a pen's in MNIST, whose median is 2.8 of 28 pixels by the same rule."""
    scale = max(strength.shape) / box
    reach = 1 + round(_PEN_WIDTH_PX * scale - _stroke_width(strength))
    return ground.widened(strength, reach) if reach > 1 else strength


def _placed(strength: Grey, height: int, width: int) -> tuple[NDArray[np.uint8], list[Step]]:
    """Ink cut to its box as the data set's array `[height, width]`."""
    box = round(height * _BOX)
    thick = _thickened(strength, box)
    steps = [Step("thickened", "thin strokes made as wide as a pen's")] if thick is not strength else []
    scale = box / max(thick.shape)
    size = max(1, round(thick.shape[1] * scale)), max(1, round(thick.shape[0] * scale))
    small = ground.resized(thick, *size)
    small = small / max(float(np.percentile(small[small > _FAINT], 80)) if (small > _FAINT).any() else 1.0, _FAINT)
    small = np.minimum(small, 1)
    row, column = _centre_of_mass(small)
    top = min(max(round(height / 2 - row), 0), height - size[1])
    left = min(max(round(width / 2 - column), 0), width - size[0])
    placed = np.zeros((height, width), np.uint8)
    placed[top : top + size[1], left : left + size[0]] = np.rint(small * 255)
    return placed, [*steps, Step("boxed", f"cut to its ink, fitted into {box}×{box} and centred by its mass")]
