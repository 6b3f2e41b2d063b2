"""What light, lens, sensor and file do to a picture."""

from io import BytesIO

import numpy as np
from PIL import Image

from training.augmentations import jpeg
from training.augmentations.draws import Array, Draws
from training.dataset import UInt8

_MOST_NOISE = 25.0
_JPEG_QUALITY = (20, 90)


def lit(images: UInt8, random: Draws) -> UInt8:
    """Other contrast and brightness, and light that falls off from one side; in colour, of another tint."""
    count, height, width, channels = images.shape
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    contrast = random.uniform(0.5, 1.3, (count, 1, 1, 1))
    brightness = random.uniform(-40, 40, (count, 1, 1, 1))
    tint = random.uniform(-0.08, 0.08, (count, 1, 1, channels)) if channels > 1 else 0.0
    across, down = random.uniform(-0.25, 0.25, (2, count, 1, 1, 1))
    slope = across * np.linspace(-1, 1, width)[None, None, :, None] + down * np.linspace(-1, 1, height)[:, None, None]
    return _clipped((mean + contrast * (images - mean) + brightness) * (1 + tint + slope))


def blurred(images: UInt8, random: Draws) -> UInt8:
    """Out of focus, by a kernel of 3×3 or, in half of the pictures, of 5×5."""
    weight = random.uniform(0.08, 1 / 3, (len(images), 1, 1, 1)).astype(np.float32)
    once = _smoothed(images.astype(np.float32), weight)
    twice = random.random((len(images), 1, 1, 1)) < 0.5
    return _clipped(images.__array_namespace__().where(twice, _smoothed(once, weight), once))


def _smoothed(images: Array, weight: Array) -> Array:
    """Each pixel mixed with its neighbours, `weight` of each, down and then across."""
    padded = images.__array_namespace__().pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    down = (1 - 2 * weight) * padded[:, 1:-1] + weight * (padded[:, :-2] + padded[:, 2:])
    return (1 - 2 * weight) * down[:, :, 1:-1] + weight * (down[:, :, :-2] + down[:, :, 2:])


def noisy(images: UInt8, random: Draws) -> UInt8:
    """A sensor's noise, normal and with a deviation of up to 25 of 255."""
    deviation = random.uniform(0, _MOST_NOISE, (len(images), 1, 1, 1)).astype(np.float32)
    return _clipped(images + deviation * random.standard_normal(images.shape, np.float32))


def compressed(images: UInt8, random: Draws) -> UInt8:
    """Saved as JPEG, at a quality of 20 to 90."""
    qualities = random.integers(*_JPEG_QUALITY, len(images))
    if not isinstance(images, np.ndarray):
        return jpeg.compressed(images, qualities)
    saved = [_saved(image, quality) for image, quality in zip(images, qualities.tolist(), strict=True)]
    return np.stack(saved).reshape(images.shape)


def _saved(image: UInt8, quality: int) -> UInt8:
    file = BytesIO()
    Image.fromarray(image.squeeze()).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _clipped(values: Array) -> UInt8:
    xp = values.__array_namespace__()
    return xp.clip(xp.rint(values), 0, 255).astype(np.uint8)
