"""What a garment was laid on: a table, a floor, a bed; and what is left of it when it was cut out."""

import numpy as np

from training.augmentations.draws import Array, Draws, one_of
from training.dataset import UInt8

# Side of the squares a texture is made of, from folds of a sheet to a carpet's pile.
_GRAINS = (14, 7, 4, 2, 1)
# Pixels of a data set garment are above this; those up to the second level are its soft edge.
_THERE, _SOLID = 12, 40
# Of the pictures: those on their whole ground, and those with remnants of it; the others are on black.
_WHOLE, _REMNANTS = 0.3, 0.4
# Of the garments: those whose dark and light are swapped, as of a light one cut out of its ground.
_SWAPPED = 0.2


def laid(images: UInt8, random: Draws) -> UInt8:
    """Garments on black, `[N, H, W, 1]`, cut out by their own pixels and laid on another ground, in another tone.

    Grounds are flat, graded or textured and mostly darker than the garment, as after the negation of a light one. Of
    some only patches beside the garment are left, and of some nothing, as after they were cut away; then a piece of the
    garment may be missing too.
    """
    xp = images.__array_namespace__()
    garment, cover = _toned(images, random), _cover(images)
    draw = random.random((len(images), 1, 1, 1))
    patches = _patches(images.shape, random)
    near = _near(cover)
    left = xp.where(draw < _WHOLE, 1.0, xp.where(draw < _WHOLE + _REMNANTS, near * (patches > 0.9), 0.0))
    # What was taken for ground at the garment's rim.
    cover = xp.where((draw >= _WHOLE) & (patches < -1.6), cover * (1 - _near(1 - cover)), cover)
    return xp.clip(xp.rint(cover * garment + (1 - cover) * left * _grounds(images, random)), 0, 255).astype(np.uint8)


def _toned(images: UInt8, random: Draws) -> Array:
    """Other contrast and brightness of the garment itself, creased, and in some dark for light."""
    shape = (len(images), 1, 1, 1)
    swapped = images.__array_namespace__().where(random.random(shape) < _SWAPPED, 255.0 - images, images)
    toned = swapped * random.uniform(0.45, 1.0, shape) + random.uniform(0, 90, shape)
    return (toned + _folds(images.shape, random)).astype(np.float32)


def _folds(shape: tuple[int, ...], random: Draws) -> Array:
    """The light and shadow of creases: a wave across each picture, bent, of any direction, length and depth."""
    count, height, width, _ = shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    across, down = random.normal(0, 1.0, (2, count, 1, 1))
    bent = across * columns + down * rows + 2 * _patches(shape, random)[..., 0]
    depth = random.exponential(12, (count, 1, 1))
    waves = bent.__array_namespace__().sin(bent + random.uniform(0, 2 * np.pi, (count, 1, 1)))
    return (depth * waves)[..., None].astype(np.float32)


def _cover(images: UInt8) -> Array:
    """How much of each pixel is garment: soft where its own edge is, and dark prints are not holes."""
    xp = images.__array_namespace__()
    return xp.maximum(xp.clip(images.astype(np.float32) / _SOLID, 0, 1), _hollows(images))


def _hollows(images: UInt8) -> Array:
    """1 where a pixel has garment above, below, left and right of it, and beside it."""
    xp, there = images.__array_namespace__(), images > _THERE
    above, left = (xp.logical_or.accumulate(there, axis=axis) for axis in (1, 2))
    below = xp.logical_or.accumulate(there[:, ::-1], axis=1)[:, ::-1]
    right = xp.logical_or.accumulate(there[:, :, ::-1], axis=2)[:, :, ::-1]
    near = xp.pad(there, ((0, 0), (1, 1), (1, 1), (0, 0)))
    beside = near[:, :-2, 1:-1] | near[:, 2:, 1:-1] | near[:, 1:-1, :-2] | near[:, 1:-1, 2:]
    return (above & below & left & right & beside).astype(np.float32)


def _near(cover: Array) -> Array:
    """The largest value within two pixels of each."""
    xp, (_, height, width, _) = cover.__array_namespace__(), cover.shape
    padded = xp.pad(cover, ((0, 0), (2, 2), (2, 2), (0, 0)))
    in_column = xp.stack([padded[:, move : move + height] for move in range(5)]).max(axis=0)
    return xp.stack([in_column[:, :, move : move + width] for move in range(5)]).max(axis=0)


def _patches(shape: tuple[int, ...], random: Draws) -> Array:
    """Values of deviation 1 that change over a quarter of the picture."""
    count, height, width, _ = shape
    grain = height // 4
    coarse = random.standard_normal((count, height // grain + 1, width // grain + 1), np.float32)
    for axis, length in ((1, height), (2, width)):
        place = np.linspace(0, coarse.shape[axis] - 1, length)
        low = np.minimum(place.astype(int), coarse.shape[axis] - 2)
        part = np.expand_dims(place - low, (0, 2) if axis == 1 else (0, 1)).astype(np.float32)
        coarse = coarse.take(low, axis) * (1 - part) + coarse.take(low + 1, axis) * part
    return coarse[..., None] * 1.4  # what interpolation takes from the deviation


def _grounds(images: UInt8, random: Draws) -> Array:
    count, height, width, _ = images.shape
    level = random.gamma(1.5, 35, (count, 1, 1, 1))
    down, across = random.uniform(-35, 35, (2, count, 1, 1, 1))
    slope = down * np.linspace(-1, 1, height)[:, None, None] + across * np.linspace(-1, 1, width)[None, :, None]
    depth = random.exponential(18, (count, 1, 1, 1)) * (random.random((count, 1, 1, 1)) < 0.7)
    return (level + slope + depth * _texture(images.shape, random)).astype(np.float32)


def _texture(shape: tuple[int, ...], random: Draws) -> Array:
    """Noise of a grain drawn for the whole batch, different in each picture; deviation about 1."""
    return one_of(_GRAINS, lambda grain: _grained(shape, grain, random), random)


def _grained(shape: tuple[int, ...], grain: int, random: Draws) -> Array:
    count, height, width, _ = shape
    coarse = random.standard_normal((count, -(-height // grain), -(-width // grain)), np.float32)
    return coarse.repeat(grain, axis=1).repeat(grain, axis=2)[:, :height, :width, None]
