"""How a version stands up to images unlike its data set's: changed ones, and ones of something else.

The suite is our own and the same each time; it is neither MNIST-C nor CIFAR-10-C.
"""

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import special
from sklearn.metrics import roc_auc_score

from service import manifest as contract
from service.inference import engines
from service.manifest import EngineName
from training import dataset
from training.dataset import Split, UInt8

# uint8 `[N, H, W, C]` → the same shape, changed.
Corruption = Callable[[UInt8], UInt8]
_SEED = 1


def corruptions() -> dict[str, Corruption]:
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
    return np.pad(images, ((0, 0), (3, 0), (3, 0), (0, 0)), mode="edge")[:, :height, :width]


def _each(change: Callable[[Image.Image], Image.Image]) -> Corruption:
    """A change of one Pillow image, for a batch."""

    def corrupt(images: UInt8) -> UInt8:
        changed = [np.asarray(change(Image.fromarray(image.squeeze()))) for image in images]
        return np.stack(changed).reshape(images.shape)

    return corrupt


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    """About its middle, in a frame of the same size; what comes in is black."""
    rest, inverse = 1 - 1 / factor, 1 / factor
    matrix = (inverse, 0, image.width / 2 * rest, 0, inverse, image.height / 2 * rest)
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def _jpeg(image: Image.Image) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file)


def other_images(data_set: str, data_dir: Path | None, count: int) -> dict[str, UInt8]:
    """The first `count` test images of the fixed data sets but the named one; none beside data of somebody's own."""
    fixed = dataset.all_data_sets()
    if data_set not in fixed:
        return {}
    return {
        name: dataset.load(other, data_dir).test.images[:count] for name, other in fixed.items() if name != data_set
    }


def resized(images: UInt8, shape: tuple[int, int, int]) -> UInt8:
    """Images `[N, H, W, C]` of any shape in this one: colours turned to grey or back, resized."""
    height, width, channels = shape
    mode = "L" if channels == 1 else "RGB"
    changed = (Image.fromarray(image.squeeze()).convert(mode).resize((width, height)) for image in images)
    return np.stack([np.asarray(image) for image in changed]).reshape(-1, *shape)


def _synthetic(images: UInt8) -> dict[str, UInt8]:
    levels = np.arange(256, dtype=np.uint8)[:, None, None, None]
    return {
        "the test images inverted": 255 - images,
        "uniform noise": _random().integers(0, 256, images.shape, dtype=np.uint8),
        "blank, of every grey": np.broadcast_to(levels, (256, *images.shape[1:])).copy(),
    }


def report(version: Path, engine: EngineName, test: Split, others: Mapping[str, UInt8]) -> Iterator[str]:
    """Accuracy after each corruption, then how well the energy tells the test images from `others`, line by line."""
    manifest, infer = contract.read(version), engines.load(engine, version, threads=1)
    yield f"accuracy on {len(test.labels)} test images"
    for name, corrupt in {"as it is": lambda images: images, **corruptions()}.items():
        predicted = infer(corrupt(test.images)).probabilities.argmax(axis=1)
        yield f"  {name:32} {(predicted == test.labels).mean():7.2%}"
    yield "told from the test images by their energy: AUROC, and the part flagged as not in distribution"
    energies = special.logsumexp(infer(test.images).logits, axis=1)
    known = {name: resized(images, manifest.input.shape) for name, images in others.items()}
    for name, images in (known | _synthetic(test.images)).items():
        other = special.logsumexp(infer(images).logits, axis=1)
        in_distribution = np.repeat([True, False], [len(energies), len(other)])
        auroc = roc_auc_score(in_distribution, np.concatenate([energies, other]))
        threshold = manifest.energy_threshold
        flagged = "" if threshold is None else f"{(other < threshold).mean():8.1%}"
        yield f"  {name:32} {auroc:7.2%} {flagged}"
