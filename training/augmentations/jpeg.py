"""What JPEG loses of a picture, as array operations: for a device, on which no library saves files.

ITU-T T.81: 8×8 blocks, their cosine transform divided by the tables of its annex K, which libjpeg scales by quality;
colour as JFIF has it, at half the resolution, and brought back as libjpeg does. The lossless part is left out.
"""

import numpy as np

from training.augmentations.draws import Array
from training.dataset import UInt8

_SIDE = 8
_LUMINANCE = """
    16 11 10 16 24 40 51 61  12 12 14 19 26 58 60 55  14 13 16 24 40 57 69 56  14 17 22 29 51 87 80 62
    18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99
"""
_CHROMINANCE = """
    17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
    99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99
"""
# Rows: luminance, then both colour differences, of red, green and blue.
_FROM_RGB = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)


def compressed(images: UInt8, qualities: Array) -> UInt8:
    """Pictures uint8 `[N, H, W, 1 or 3]` at qualities `[N]` from 1 to 100."""
    xp = images.__array_namespace__()
    scale = xp.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    values = images.astype(np.float32)
    if images.shape[-1] == 1:
        restored = _quantised(values[..., 0] - 128, _LUMINANCE, scale)[..., None] + 128
    else:
        restored = _in_colour(values, scale)
    return xp.clip(xp.rint(restored), 0, 255).astype(np.uint8)


def _in_colour(values: Array, scale: Array) -> Array:
    xp = values.__array_namespace__()
    planes = values @ _FROM_RGB.T
    luminance = _quantised(planes[..., 0] - 128, _LUMINANCE, scale) + 128
    differences = [_quartered(planes[..., index], scale) for index in (1, 2)]
    return xp.stack([luminance, *differences], -1) @ np.linalg.inv(_FROM_RGB).T.astype(np.float32)


def _quartered(plane: Array, scale: Array) -> Array:
    """One colour difference, `[N, H, W]`, at half the resolution both ways and back."""
    height, width = plane.shape[1:]
    xp = plane.__array_namespace__()
    # libjpeg fills up whole blocks of columns before it halves, and of rows after.
    whole = xp.pad(plane, ((0, 0), (0, height % 2), (0, -width % (2 * _SIDE))), mode="edge")
    small = (whole[:, ::2, ::2] + whole[:, 1::2, ::2] + whole[:, ::2, 1::2] + whole[:, 1::2, 1::2]) / 4
    small = _quantised(small, _CHROMINANCE, scale)[:, : -(-height // 2), : -(-width // 2)]
    return _doubled(_doubled(small, 1), 2)[:, :height, :width]


def _doubled(plane: Array, axis: int) -> Array:
    """Twice as long: each new value three parts of the nearer old one and one of the next."""
    xp = plane.__array_namespace__()
    last = plane.shape[axis] - 1
    places = np.arange(last + 1)
    before, after = plane.take(np.maximum(places - 1, 0), axis), plane.take(np.minimum(places + 1, last), axis)
    pairs = xp.stack([0.75 * plane + 0.25 * before, 0.75 * plane + 0.25 * after], axis + 1)
    shape = list(plane.shape)
    shape[axis] *= 2
    return pairs.reshape(shape)


def _quantised(plane: Array, table: str, scale: Array) -> Array:
    """`[N, H, W]`, about 0, as its blocks' rounded coefficients have it."""
    xp = plane.__array_namespace__()
    count, height, width = plane.shape
    padded = xp.pad(plane, ((0, 0), (0, -height % _SIDE), (0, -width % _SIDE)), mode="edge")
    blocks = padded.reshape(count, padded.shape[1] // _SIDE, _SIDE, padded.shape[2] // _SIDE, _SIDE)
    steps = np.array(table.split(), np.int32).reshape(_SIDE, _SIDE)
    steps = xp.clip((steps * scale[:, None, None] + 50) // 100, 1, 255)[:, None, :, None, :]
    cosines = _cosines()
    coefficients = xp.einsum("ki,nrice,je->nrkcj", cosines, blocks, cosines)
    kept = xp.rint(coefficients / steps) * steps
    restored = xp.einsum("ki,nrkcj,je->nrice", cosines, kept.astype(np.float32), cosines)
    return restored.reshape(padded.shape)[:, :height, :width]


def _cosines() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The orthonormal cosine transform of eight values, a row a frequency."""
    frequency, place = np.mgrid[:_SIDE, :_SIDE]
    waves = np.cos((2 * place + 1) * frequency * np.pi / (2 * _SIDE)) / 2
    waves[0] /= np.sqrt(2)
    return waves.astype(np.float32)
