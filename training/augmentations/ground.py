"""What a garment was laid on: a table, a floor, a bed."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.dataset import UInt8

# Side of the squares a texture is made of, from folds of a sheet to a carpet's pile.
_GRAINS = (14, 7, 4, 2, 1)


def laid(images: UInt8, random: Generator) -> UInt8:
    """Garments on black, `[N, H, W, 1]`, cut out by their own pixels and laid on another ground, in another tone.

    Grounds are flat, graded or textured and mostly darker than the garment, as after the negation of a light one; the
    garment keeps its shading, with less contrast.
    """
    count = len(images)
    tone = random.uniform(0.55, 1.0, (count, 1, 1, 1))
    lift = random.uniform(0, 60, (count, 1, 1, 1))
    garment = images * tone + lift
    # Soft where the garment's own edge is: pixels that are nearly ground stay nearly ground.
    cover = np.clip(images.astype(np.float32) / 40, 0, 1)
    cover = np.maximum(cover, _hollows(images))
    return np.clip(np.rint(cover * garment + (1 - cover) * _grounds(images, random)), 0, 255).astype(np.uint8)


def _hollows(images: UInt8) -> NDArray[np.float32]:
    """1 where a pixel has garment above, below, left and right of it: dark prints are not holes."""
    there = images > 12
    above, left = (np.logical_or.accumulate(there, axis=axis) for axis in (1, 2))
    below = np.logical_or.accumulate(there[:, ::-1], axis=1)[:, ::-1]
    right = np.logical_or.accumulate(there[:, :, ::-1], axis=2)[:, :, ::-1]
    near = np.pad(there, ((0, 0), (1, 1), (1, 1), (0, 0)))
    beside = near[:, :-2, 1:-1] | near[:, 2:, 1:-1] | near[:, 1:-1, :-2] | near[:, 1:-1, 2:]
    return (above & below & left & right & beside).astype(np.float32)


def _grounds(images: UInt8, random: Generator) -> NDArray[np.float32]:
    count, height, width, _ = images.shape
    level = random.gamma(1.5, 35, (count, 1, 1, 1))
    down, across = random.uniform(-35, 35, (2, count, 1, 1, 1))
    slope = down * np.linspace(-1, 1, height)[:, None, None] + across * np.linspace(-1, 1, width)[None, :, None]
    depth = random.exponential(18, (count, 1, 1, 1)) * (random.random((count, 1, 1, 1)) < 0.7)
    return (level + slope + depth * _texture(images.shape, random)).astype(np.float32)


def _texture(shape: tuple[int, ...], random: Generator) -> NDArray[np.float32]:
    """Noise of a grain drawn for the whole batch, different in each picture; deviation about 1."""
    count, height, width, _ = shape
    grain = int(random.choice(_GRAINS))
    coarse = random.standard_normal((count, -(-height // grain), -(-width // grain)), np.float32)
    return coarse.repeat(grain, axis=1).repeat(grain, axis=2)[:, :height, :width, None]
