"""Changes to training pictures, drawn afresh each time one is seen."""

import numpy as np
from numpy.random import Generator

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
    rows, columns = random.integers(0, 2 * pixels + 1, (2, count))
    return windows[np.arange(count), rows, columns].transpose(0, 2, 3, 1)


def _cut_out(images: UInt8, pixels: int, random: Generator) -> UInt8:
    """A square of `pixels`, clipped at the edges, set to the picture's mean (DeVries & Taylor 2017, arXiv 1708.04552)."""
    count, height, width, _ = images.shape
    top = random.integers(0, height, count) - pixels // 2
    left = random.integers(0, width, count) - pixels // 2
    rows, columns = np.arange(height), np.arange(width)
    in_rows = (rows >= top[:, None]) & (rows < top[:, None] + pixels)
    in_columns = (columns >= left[:, None]) & (columns < left[:, None] + pixels)
    hole = (in_rows[:, :, None] & in_columns[:, None, :])[..., None]
    mean = images.mean(axis=(1, 2), keepdims=True).astype(np.uint8)
    return np.where(hole, mean, images)
