"""What lies behind a subject: its level everywhere, and how far each pixel stands out from it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from service.images import components

Grey = NDArray[np.float32]

# Of the shorter side: what is narrower both ways stands on the ground, what is wider is ground.
_WIDEST_STROKE = 0.4
# Longest side of the picture on which the polarity is judged.
_COARSE_SIDE_PX = 32
# Of the largest difference.
_CLEAR = 0.2


def contrast(grey: Grey) -> Grey:
    """How much darker than the ground each pixel `[H, W]`, 0 to 255, is; 0 where it is as light or lighter.

    The ground is what a closing leaves: the picture without its narrow dark parts (the black top hat of Serra 1982,
    Image Analysis and Mathematical Morphology). Shadows, light that falls off and a table around the paper are wide.
    """
    reach = max(3, round(min(grey.shape) * _WIDEST_STROKE))
    difference = closed(smoothed(grey), reach) - grey
    # The largest of many noisy values is above their mean: what the ground itself differs by is no ink.
    return np.asarray(np.maximum(difference - max(float(np.median(difference)), 0), 0))


def lies_light(grey: Grey) -> bool:
    """Whether what stands out of the ground is lighter than it.

    The ground is here what there is more of around each pixel, by the median of a window half as wide as the picture:
    unlike a single threshold it does not take a shadow for ink, nor the inside of a zero for a light digit.
    """
    factor = _COARSE_SIDE_PX / max(grey.shape)
    coarse = resized(grey, *(max(1, round(side * factor)) for side in grey.shape[::-1]))
    middle = Image.fromarray(np.rint(coarse).astype(np.uint8))
    reach = _COARSE_SIDE_PX // 4
    around = Image.fromarray(np.pad(np.asarray(middle), reach, mode="symmetric"))
    median = around.filter(ImageFilter.MedianFilter(2 * reach + 1))
    difference = coarse - np.asarray(median, np.float32)[reach:-reach, reach:-reach]
    clear = max(_CLEAR * float(np.abs(difference).max()), 2 * float(np.median(np.abs(difference))))
    light, dark = (np.where(sign * difference > clear, sign * difference, 0) for sign in (1, -1))
    # Light that lies along the edge is the sunny side of a shadow.
    parts = components.find(light > 0)
    light = light * parts.only(~components.along_edge(parts))
    return float(light.sum()) > float(dark.sum())


def smoothed(grey: Grey) -> Grey:
    """Each value by the mean of the 3×3 around it."""
    padded = np.pad(grey, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9)


def closed(grey: Grey, reach: int) -> Grey:
    """The largest value within a square of `reach` pixels, then the least one of these.

    The picture goes on mirrored beyond its edges, so that a shadow at the edge counts as the wide thing that it is.
    """
    padded = np.pad(grey, reach, mode="symmetric")
    level = -_largest(-_largest(padded, reach), reach)
    return level[1 : 1 + grey.shape[0], 1 : 1 + grey.shape[1]]


def widened(strength: Grey, reach: int) -> Grey:
    """What is strong grown to a square of `reach` pixels around each; the result is `reach − 1` larger each way."""
    return _largest(np.pad(strength, reach - 1), reach)


def _largest(grey: Grey, reach: int) -> Grey:
    """Of each `reach`×`reach` square, `[H − reach + 1, W − reach + 1]`; windows are doubled until they are as wide."""
    for axis in (0, 1):
        grey = np.moveaxis(grey, axis, 0)
        covered = 1
        while covered < reach:
            step = min(covered, reach - covered)
            grey = np.maximum(grey[:-step], grey[step:])
            covered += step
        grey = np.moveaxis(grey, 0, axis)
    return grey


def resized(grey: Grey, width: int, height: int) -> Grey:
    """Antialiased to another size."""
    image = Image.fromarray(np.asarray(grey, np.float32))
    # BOX has no lobes: nothing darker or lighter than there was comes about.
    smaller = width < image.width or height < image.height
    return np.asarray(image.resize((width, height), Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR))


def otsu(values: Grey) -> float:
    """The level that parts values from 0 to 255 into the two most different groups (Otsu 1979)."""
    counts = np.bincount(np.clip(values, 0, 255).astype(np.uint8).ravel(), minlength=256).astype(np.float64)
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(np.nanargmax(np.nan_to_num(between))) + 0.5
