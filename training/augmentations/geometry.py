"""Where the subject lies in the frame, how large, at what angle, and what hides a part of it."""

from types import ModuleType

import numpy as np

from training.augmentations.draws import Array, Draws
from training.dataset import UInt8
from training.recipe import Augmentation


def shifted(images: UInt8, how: Augmentation, random: Draws) -> UInt8:
    """Each picture moved by up to `shift_pixels` either way."""
    pixels = how.shift_pixels
    count, height, width, _ = images.shape
    around = ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0))
    xp = images.__array_namespace__()
    padded = xp.pad(images, around, mode="constant" if how.outside == "black" else "reflect")
    down, across = random.integers(0, 2 * pixels + 1, (2, count))
    tall, wide, channels = padded.shape[1:]
    rows = (np.arange(count) * tall + down)[:, None] + np.arange(height)
    columns = across[:, None] + np.arange(width)
    return padded.reshape(-1, channels).take(rows[:, :, None] * wide + columns[:, None, :], 0)


def warped(images: UInt8, how: Augmentation, random: Draws) -> UInt8:
    """Each picture turned, scaled and sheared about its middle, by amounts uniform up to those of the recipe.

    Bilinear. Scaling is uniform in the logarithm, from 1 / (1 + scale) to 1 + scale, the same both ways; after it,
    either the height or the width is squashed, by up to 1 + squash.
    """
    count, height, width, _ = images.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    offsets = np.stack([rows - (height - 1) / 2, columns - (width - 1) / 2]).reshape(2, -1)
    places = _matrices(how, count, random, images.__array_namespace__()) @ offsets
    places += np.array([[(height - 1) / 2], [(width - 1) / 2]], np.float32)
    return _sampled(images, places[:, 0], places[:, 1], how.outside == "black")


def _matrices(how: Augmentation, count: int, random: Draws, xp: ModuleType) -> Array:
    """`[N, 2, 2]`: from an offset in the new picture to that in the old one."""
    turn, scale, shear = (random.uniform(-1, 1, count) for _ in range(3))
    angle, inverse = xp.deg2rad(turn * how.turn_degrees), xp.exp(scale * np.log1p(how.scale))
    cosine, sine, slope = xp.cos(angle) * inverse, xp.sin(angle) * inverse, shear * how.shear
    turned = xp.stack([cosine, cosine * slope - sine, sine, sine * slope + cosine], 1).reshape(-1, 2, 2)
    return (turned * _squashing(how, count, random, xp)).astype("f4")


def _squashing(how: Augmentation, count: int, random: Draws, xp: ModuleType) -> Array:
    """`[N, 2, 1]`, at least 1: rows or columns of the new picture lie this many times as far apart in the old one."""
    if not how.squash:
        return np.ones((count, 2, 1))
    factors = xp.exp(random.uniform(0, np.log1p(how.squash), count))
    is_squashed = random.integers(0, 2, count)[:, None] == np.arange(2)
    return xp.where(is_squashed, factors[:, None], 1.0)[..., None]


def _sampled(images: UInt8, rows: Array, columns: Array, black: bool) -> UInt8:
    """Values of each picture at fractional places float32 `[N, H·W]`; outside is black, or mirrored at the edge."""
    xp = images.__array_namespace__()
    count, height, width, channels = images.shape
    top, left = xp.floor(rows).astype(np.int32), xp.floor(columns).astype(np.int32)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    flat, first = images.reshape(-1, channels), (np.arange(count) * height * width)[:, None]
    total = xp.zeros((count, height * width, channels), np.float32)
    for row, row_weight in ((top, 1 - down), (top + 1, down)):
        for column, column_weight in ((left, 1 - right), (left + 1, right)):
            values = flat[first + _inside(row, height, xp) * width + _inside(column, width, xp)]
            weight = row_weight * column_weight
            if black:
                weight = weight * ((row >= 0) & (row < height) & (column >= 0) & (column < width))[..., None]
            total += weight * values
    return xp.rint(total).astype(np.uint8).reshape(images.shape)


def _inside(places: Array, length: int, xp: ModuleType) -> Array:
    """Places mirrored at both edges; those too far out for that, on the edge."""
    return xp.clip(length - 1 - xp.abs(length - 1 - xp.abs(places)), 0, length - 1)


def cut_out(images: UInt8, pixels: int, random: Draws) -> UInt8:
    """A square of `pixels`, clipped at the edges, set to its mean (DeVries & Taylor 2017, arXiv 1708.04552)."""
    count, height, width, _ = images.shape
    in_rows = _band(random.integers(0, height, (count,)), height, pixels)
    in_columns = _band(random.integers(0, width, (count,)), width, pixels)
    hole = (in_rows[:, :, None] & in_columns[:, None, :])[..., None]
    mean = images.mean(axis=(1, 2), keepdims=True).astype(np.uint8)
    return images.__array_namespace__().where(hole, mean, images)


def _band(middles: Array, length: int, pixels: int) -> Array:
    """`[N, length]`: which positions lie in a band of `pixels` around each middle."""
    start = middles[:, None] - pixels // 2
    return (np.arange(length) >= start) & (np.arange(length) < start + pixels)
