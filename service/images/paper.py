"""The paper that a mark stands on: taken out of what lies around it, and given a margin where it was cut tightly."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from service.images import components, ground, square

# Longest side of the picture on which a sheet is looked for.
_SIDE_PX = 64
# A sheet fills so much of its box, holes counted or not: a stroke, and the ring of a zero, less.
_SOLID, _OWN = 0.85, 0.7
# Of the picture's sides: a sheet is not narrower.
_LEAST_SIDE = 0.3
# Of the rim: what is as light as the sheet, which in a drawn frame is the page itself.
_MOST_AT_RIM = 0.4
# Grey levels between a sheet and what lies around it.
_LEAST_STEP = 40
# Of the sheet's sides: its rim, with the shadow beside it.
_RIM = 0.05
# Of the rim's and of all pixels: those of the one colour that a drawn ground has. The others are ink, but for some
# where that fades; in a photograph, more are neither.
_CLEAN, _LEAST_INK, _EITHER = 0.2, 0.01, 0.8
_SAME, _INK = 3, 60
# Strokes that end at one edge; of squared paper more do.
_MOST_CROSSINGS = 3
# Pixels a side that stand for all.
_SAMPLED_PX = 128
# Of the longer side.
_MARGIN = 0.15


def sheet(image: Image.Image) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of a light sheet on a darker table, without its rim; None where there is none."""
    small = image.convert("L")
    small.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)
    grey = square.as_array(small)[..., 0].astype(np.float32)
    light = grey > ground.otsu(grey)
    parts = components.find(light)
    if not len(parts.areas) or light.all() or grey[light].mean() - grey[~light].mean() < _LEAST_STEP:
        return None
    if square.rim(light).mean() > _MOST_AT_RIM:
        return None
    own = parts.labels == parts.areas.argmax() + 1
    rows, columns = components.box(own)
    filled = components.filled(own)[rows, columns]
    if not (filled.mean() >= _SOLID and own[rows, columns].mean() >= _OWN and _lies_within(own.shape, rows, columns)):
        return None
    return _without_rim(image, own.shape, rows, columns)


def _lies_within(shape: tuple[int, ...], rows: slice, columns: slice) -> bool:
    """Whether it is large, and leaves something free at three edges at least."""
    free = (rows.start > 0, rows.stop < shape[0], columns.start > 0, columns.stop < shape[1])
    sides = (rows.stop - rows.start) / shape[0], (columns.stop - columns.start) / shape[1]
    return sum(free) >= 3 and bool(min(sides) >= _LEAST_SIDE)


def _without_rim(image: Image.Image, shape: tuple[int, ...], rows: slice, columns: slice) -> tuple[int, int, int, int]:
    down, across = image.height / shape[0], image.width / shape[1]
    rim_down, rim_across = (_RIM * (span.stop - span.start) for span in (rows, columns))
    return (
        round((columns.start + rim_across) * across),
        round((rows.start + rim_down) * down),
        round((columns.stop - rim_across) * across),
        round((rows.stop - rim_down) * down),
    )


def with_margin(image: Image.Image) -> Image.Image | None:
    """The picture with more of its ground around it, if ink reaches all four edges.

    None if it does not, or the ground is not clean, of one colour as on a canvas: then it may be a shadow or a table.
    """
    pixels = square.as_array(image)
    sides = pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]
    rim = square.rim(pixels)
    # Digits are round: most corners are ground, even where most of the rim is ink.
    corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]]
    colour = max(corners, key=lambda corner: (_share(corners, corner), _share(rim, corner)))
    if not all(1 <= _crossings(side, colour) <= _MOST_CROSSINGS for side in sides):
        return None
    step = 1 + max(image.size) // _SAMPLED_PX
    if not (_is_drawn(rim, colour) and _is_drawn(pixels[::step, ::step], colour)):
        return None
    fill = tuple(int(level) for level in colour)
    return ImageOps.expand(image, round(_MARGIN * max(image.size)), fill if len(fill) > 1 else fill[0])


def _is_drawn(pixels: NDArray[np.uint8], colour: NDArray[np.uint8]) -> bool:
    """Whether the pixels are ground of that colour and ink."""
    clean, ink = _share(pixels, colour), 1 - _share(pixels, colour, _INK)
    return clean >= _CLEAN and ink >= _LEAST_INK and clean + ink >= _EITHER


def _crossings(side: NDArray[np.uint8], colour: NDArray[np.uint8]) -> int:
    """How many strokes end at a side."""
    ink = np.abs(side.astype(np.int16) - colour).max(axis=-1) > _INK
    return int(ink[0]) + int((ink[1:] & ~ink[:-1]).sum())


def _share(pixels: NDArray[np.uint8], colour: NDArray[np.uint8], within: int = _SAME) -> float:
    return float((np.abs(pixels.astype(np.int16) - colour).max(axis=-1) <= within).mean())
