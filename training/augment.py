"""Changes to training pictures, drawn afresh each time one is seen."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.dataset import UInt8
from training.recipe import Augmentation


def augment(images: UInt8, how: Augmentation, random: Generator) -> UInt8:
    """A changed copy of a batch uint8 `[N, H, W, C]`; the same generator state gives the same pictures."""
    if how.mirror:
        images = _mirrored(images, random)
    if how.shift_pixels:
        images = _shifted(images, how.shift_pixels, random)
    if how.cutout_pixels:
        images = _cut_out(images, how.cutout_pixels, random)
    return images


def _mirrored(images: UInt8, random: Generator) -> UInt8:
    """Left and right swapped in half of the pictures."""
    swap = random.random(len(images)) < 0.5
    return np.where(swap[:, None, None, None], images[:, :, ::-1], images)


def _shifted(images: UInt8, pixels: int, random: Generator) -> UInt8:
    """Each picture moved by up to `pixels` either way; what comes in mirrors the edge (black stays black)."""
    count, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    offsets = random.integers(0, 2 * pixels + 1, (2, count))
    return windows[np.arange(count), offsets[0], offsets[1]].transpose(0, 2, 3, 1)


def _cut_out(images: UInt8, pixels: int, random: Generator) -> UInt8:
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
