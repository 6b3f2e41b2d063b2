"""What is reckoned of JPEG's losses is what a library's files have."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from training.augmentations import jpeg
from training.dataset import UInt8


def saved(image: UInt8, quality: int) -> UInt8:
    file = BytesIO()
    Image.fromarray(image.squeeze()).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).reshape(image.shape)


def pictures(side: int, channels: int) -> UInt8:
    """Soft waves of every direction with a sharp-edged square in them."""
    random = np.random.default_rng(1)
    rows, columns = np.mgrid[:side, :side]
    waves = [np.sin(rows * a + columns * b + c) for a, b, c in random.uniform(-1, 1, (20 * channels, 3))]
    images = (127.5 + 120 * np.array(waves)).reshape(20, channels, side, side).transpose(0, 2, 3, 1).copy()
    images[:, 5:12, 8:20] = random.integers(0, 256, (20, 1, 1, channels))
    return images.astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [28, 32, 33])
@pytest.mark.parametrize("quality", [20, 50, 90])
def test_it_is_that_of_the_library_but_for_rounding(side: int, channels: int, quality: int) -> None:
    images = pictures(side, channels)
    ours = jpeg.compressed(images, np.full(len(images), quality)).astype(int)
    theirs = np.stack([saved(image, quality) for image in images]).astype(int)
    lost = np.abs(theirs - images).mean()
    assert np.abs(ours - theirs).mean() < 0.12 * lost + 0.3


def test_each_picture_has_its_own_quality() -> None:
    images = pictures(32, 1)[[0, 0]]
    ours = jpeg.compressed(images, np.array([20, 90])).astype(int)
    worse, better = np.abs(ours - images).mean(axis=(1, 2, 3))
    assert worse > 2 * better
