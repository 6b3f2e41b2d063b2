"""Things that lie on a floor or a bed: a rectangle of one texture on a ground of another."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.floating]
Colour = tuple[int, int, int]
Box = tuple[slice, slice]

SIZE = (240, 200)
BOX: Box = (slice(45, 200), slice(45, 155))
GROUNDS: dict[str, Colour] = {"wood": (150, 110, 70), "carpet": (90, 110, 90), "bed": (200, 195, 185)}


def ground(name: str, seed: int) -> Pixels:
    """A ground `[240, 200, 3]` with folds and grain, too uneven to be called plain."""
    random = np.random.default_rng(seed)
    folds = Image.fromarray((24 * random.standard_normal((12, 10))).astype(np.float32))
    smooth = np.asarray(folds.resize(SIZE[::-1], Image.Resampling.BICUBIC))
    return np.asarray(np.asarray(GROUNDS[name]) + smooth[..., None] + 8 * random.standard_normal((*SIZE, 3)))


def subject_on(name: str, colour: Colour, seed: int, box: Box = BOX) -> Pixels:
    """The ground with a striped and grainy rectangle on it."""
    random = np.random.default_rng(seed + 1000)
    pixels = ground(name, seed)
    shape = pixels[box].shape
    stripes = 12 * np.sin(np.arange(shape[0]) / 4)[:, None, None]
    pixels[box] = np.asarray(colour) + stripes + 10 * random.standard_normal(shape)
    return pixels


def picture(pixels: NDArray[np.number]) -> Image.Image:
    """Pixels of any range as a colour picture."""
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
