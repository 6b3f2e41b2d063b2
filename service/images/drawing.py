"""Telling strokes on an even ground, as of a pen on paper, from pictures of things."""

import numpy as np
from numpy.typing import NDArray

from service.images import components, ground
from service.images.components import Mask
from service.images.steps import Step

DRAWING = Step(
    "drawing", "strokes on an even ground: this looks like writing or a drawing, not like a picture of a thing"
)

# Of 255: what differs less from the ground's colour is ground.
_SAME = 12
# Of 255: by how much the ground differs from its colour, on average. Skies and studio walls differ by more.
_EVEN = 4.0
# Of the pixels: there is more ground than this, and at least this much ink.
_LEAST_GROUND, _LEAST_INK = 0.4, 0.02
# Of the shorter side: a stroke is no wider.
_WIDEST_STROKE = 0.2
# A word or a sketch; texture has more parts.
_MOST_PARTS = 10


def is_drawing(array: NDArray[np.uint8]) -> bool:
    """Whether an array `[H, W, channels]`, as a model sees it, holds a few strokes on a ground of one colour.

    True of 98 % of MNIST's digits in 32×32, dark on light or light on dark, and of 0.6 % of CIFAR-10's images: most are
    aeroplanes and birds in a clear sky.
    """
    away = _from_ground(array)
    if (away <= _SAME).mean() < _LEAST_GROUND:
        return False
    full = float(np.quantile(away, 1 - _LEAST_INK))
    if full <= _SAME:
        return False
    ink = away > full / 2
    return _is_even(away, ink) and _is_thin(ink) and len(components.find(ink).areas) <= _MOST_PARTS


def _from_ground(array: NDArray[np.uint8]) -> NDArray[np.int16]:
    """How much each pixel, `[H, W]`, differs from the picture's median colour in the channel where it does most."""
    pixels = array.reshape(-1, array.shape[2]).astype(np.int16)
    middle = len(pixels) // 2
    colour = np.partition(pixels, middle, axis=0)[middle]
    return np.asarray(np.abs(pixels - colour).max(axis=1).reshape(array.shape[:2]))


def _is_even(away: NDArray[np.int16], ink: Mask) -> bool:
    """Whether what is neither ink nor its edge keeps to one colour."""
    beside = ground.widened(ink.astype(np.float32), 3)[1:-1, 1:-1] > 0
    return not beside.all() and float(away[~beside].mean()) <= _EVEN


def _is_thin(ink: Mask) -> bool:
    """Whether no square wider than a stroke is all ink."""
    side = round(min(ink.shape) * _WIDEST_STROKE) + 1
    within = ground.widened((~ink).astype(np.float32), side)[side - 1 : ink.shape[0], side - 1 : ink.shape[1]]
    return bool(within.all())
