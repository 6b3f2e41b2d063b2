"""Where the subject lies in the frame, how large, at what angle, and what hides a part of it."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.dataset import UInt8
from training.recipe import Augmentation


def shifted(images: UInt8, how: Augmentation, random: Generator) -> UInt8:
    """Each picture moved by up to `shift_pixels` either way."""
    pixels = how.shift_pixels
    count, height, width, _ = images.shape
    around = ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0))
    padded = np.pad(images, around, mode="constant" if how.outside == "black" else "reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    offsets = random.integers(0, 2 * pixels + 1, (2, count))
    return windows[np.arange(count), offsets[0], offsets[1]].transpose(0, 2, 3, 1)


def warped(images: UInt8, how: Augmentation, random: Generator) -> UInt8:
    """Each picture turned, scaled and sheared about its middle, by amounts uniform up to those of the recipe.

    Bilinear. Scaling is uniform in the logarithm, from 1 / (1 + scale) to 1 + scale, the same both ways; after it,
    either the height or the width is squashed, by up to 1 + squash.
    """
    count, height, width, _ = images.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    offsets = np.stack([rows - (height - 1) / 2, columns - (width - 1) / 2]).reshape(2, -1)
    places = _matrices(how, count, random) @ offsets
    places += np.array([[(height - 1) / 2], [(width - 1) / 2]], np.float32)
    return _sampled(images, places[:, 0], places[:, 1], how.outside == "black")


def _matrices(how: Augmentation, count: int, random: Generator) -> NDArray[np.float32]:
    """`[N, 2, 2]`: from an offset in the new picture to that in the old one."""
    turn, scale, shear = (random.uniform(-1, 1, count) for _ in range(3))
    angle, inverse = np.deg2rad(turn * how.turn_degrees), np.exp(scale * np.log1p(how.scale))
    cosine, sine, slope = np.cos(angle) * inverse, np.sin(angle) * inverse, shear * how.shear
    turned = np.stack([cosine, cosine * slope - sine, sine, sine * slope + cosine], 1).reshape(-1, 2, 2)
    return (turned * _squashing(how, count, random)).astype("f4")


def _squashing(how: Augmentation, count: int, random: Generator) -> NDArray[np.float64]:
    """`[N, 2, 1]`, at least 1: rows or columns of the new picture lie this many times as far apart in the old one."""
    factors = np.ones((count, 2, 1))
    if how.squash:
        factors[np.arange(count), random.integers(0, 2, count), 0] = np.exp(
            random.uniform(0, np.log1p(how.squash), count)
        )
    return factors


def _sampled(images: UInt8, rows: NDArray[np.float32], columns: NDArray[np.float32], black: bool) -> UInt8:
    """Values of each picture at fractional places `[N, H·W]`; outside is black, or mirrored at the edge."""
    count, height, width, channels = images.shape
    top, left = np.floor(rows).astype(np.int32), np.floor(columns).astype(np.int32)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    flat, first = images.reshape(-1, channels), (np.arange(count) * height * width)[:, None]
    total = np.zeros((count, height * width, channels), np.float32)
    for row, row_weight in ((top, 1 - down), (top + 1, down)):
        for column, column_weight in ((left, 1 - right), (left + 1, right)):
            values = flat[first + _inside(row, height) * width + _inside(column, width)]
            weight = row_weight * column_weight
            if black:
                weight = weight * ((row >= 0) & (row < height) & (column >= 0) & (column < width))[..., None]
            total += weight * values
    return np.rint(total).astype(np.uint8).reshape(images.shape)


def _inside(places: NDArray[np.int32], length: int) -> NDArray[np.int32]:
    """Places mirrored at both edges; those too far out for that, on the edge."""
    return np.clip(length - 1 - np.abs(length - 1 - np.abs(places)), 0, length - 1)


def cut_out(images: UInt8, pixels: int, random: Generator) -> UInt8:
    """A square of `pixels`, clipped at the edges, set to its mean (DeVries & Taylor 2017, arXiv 1708.04552)."""
    count, height, width, _ = images.shape
    in_rows = _band(random.integers(0, height, (count,)), height, pixels)
    in_columns = _band(random.integers(0, width, (count,)), width, pixels)
    hole = (in_rows[:, :, None] & in_columns[:, None, :])[..., None]
    mean = images.mean(axis=(1, 2), keepdims=True).astype(np.uint8)
    return np.where(hole, mean, images)


def _band(middles: NDArray[np.int64], length: int, pixels: int) -> NDArray[np.bool_]:
    """`[N, length]`: which positions lie in a band of `pixels` around each middle."""
    start = middles[:, None] - pixels // 2
    return (np.arange(length) >= start) & (np.arange(length) < start + pixels)
