"""What happens to pictures on their way to a model, each time the same; our own suite, not MNIST-C or CIFAR-10-C."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from training.dataset import UInt8

# uint8 `[N, H, W, C]` → the same shape, changed.
Corruption = Callable[[UInt8], UInt8]
_SEED = 1


def suite() -> dict[str, Corruption]:
    """Every corruption by its name."""
    return {
        "gaussian noise, σ 25": lambda images: _clipped(images + _random().normal(0, 25, images.shape)),
        "impulse noise, 5 % of pixels": _impulses,
        "blur, radius 1": _each(lambda image: image.filter(ImageFilter.GaussianBlur(1))),
        "brighter by 50": lambda images: _clipped(images.astype(np.float32) + 50),
        "darker by 50": lambda images: _clipped(images.astype(np.float32) - 50),
        "half the contrast": _half_contrast,
        "turned by 15° left": _each(lambda image: image.rotate(15, Image.Resampling.BICUBIC)),
        "turned by 15° right": _each(lambda image: image.rotate(-15, Image.Resampling.BICUBIC)),
        "moved by 3 pixels": _moved,
        "at 0.8 of its size": _each(lambda image: _scaled(image, 0.8)),
        "at 1.2 of its size": _each(lambda image: _scaled(image, 1.2)),
        "JPEG of quality 30": _each(_jpeg),
        "inverted": lambda images: 255 - images,
    }


def _random() -> np.random.Generator:
    return np.random.default_rng(_SEED)


def _clipped(values: NDArray[np.floating]) -> UInt8:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _impulses(images: UInt8) -> UInt8:
    random = _random()
    hit = random.random((*images.shape[:3], 1)) < 0.05
    return np.where(hit, np.where(random.random(hit.shape) < 0.5, 0, 255), images).astype(np.uint8)


def _half_contrast(images: UInt8) -> UInt8:
    mean = images.mean(axis=(1, 2), keepdims=True)
    return _clipped(mean + (images - mean) / 2)


def _moved(images: UInt8) -> UInt8:
    """Three pixels down and right; what comes in repeats the edge."""
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (3, 0), (3, 0), (0, 0)), mode="edge")
    return padded[:, :height, :width]


def _each(change: Callable[[Image.Image], Image.Image]) -> Corruption:
    """A change of one Pillow picture, for a batch."""

    def corrupt(images: UInt8) -> UInt8:
        changed = [np.asarray(change(Image.fromarray(image.squeeze()))) for image in images]
        return np.stack(changed).reshape(images.shape)

    return corrupt


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    """About its middle, in a frame of the same size; what comes in is black."""
    middle_x, middle_y = image.width / 2, image.height / 2
    inverse = 1 / factor
    matrix = (inverse, 0, middle_x * (1 - inverse), 0, inverse, middle_y * (1 - inverse))
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def _jpeg(image: Image.Image) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file)
