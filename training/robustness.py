"""How a version stands up to pictures that are not as its data set's: changed ones, and ones of something else."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service import manifest as contract
from service.inference import engines
from service.inference.engines import Infer
from service.manifest import EngineName, Manifest
from training import corruptions, dataset
from training.dataset import Split, UInt8

_SEED = 1


class Strangers(NamedTuple):
    """Pictures of one kind that the model was not trained on.

    `auroc` is the chance that a test image has the higher energy of the two; `flagged` the part below the threshold,
    None for a model without one.
    """

    auroc: float
    flagged: float | None


def corrupted(infer: Infer, test: Split) -> Iterator[tuple[str, float]]:
    """Accuracy on the split as it is, then after each corruption."""
    for name, corrupt in {"as it is": lambda images: images, **corruptions.suite()}.items():
        predicted = infer(corrupt(test.images)).probabilities.argmax(axis=1)
        yield name, float((predicted == test.labels).mean())


def strange(
    infer: Infer, manifest: Manifest, test: Split, others: Mapping[str, UInt8]
) -> Iterator[tuple[str, Strangers]]:
    """How well the energy tells a test split from each kind of other pictures, uint8 `[N, H, W, C]` of any shape."""
    familiar = np.logaddexp.reduce(infer(test.images).logits, axis=1)
    everything = {**{name: fitted(images, manifest) for name, images in others.items()}, **_made(test.images)}
    for name, images in everything.items():
        energies = np.logaddexp.reduce(infer(images).logits, axis=1)
        threshold = manifest.energy_threshold
        flagged = None if threshold is None else float((energies < threshold).mean())
        yield name, Strangers(auroc(familiar, energies), flagged)


def auroc(higher: NDArray[np.float32], lower: NDArray[np.float32]) -> float:
    """The chance that a random value of `higher` exceeds one of `lower`, ties counted half (Mann and Whitney's U)."""
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, "left")
    not_above = np.searchsorted(ordered, higher, "right")
    return float((below + not_above).mean() / (2 * len(lower)))


def fitted(images: UInt8, manifest: Manifest) -> UInt8:
    """Pictures of another data set in the shape of this one: colours turned to grey or back, resized."""
    height, width, channels = manifest.input.shape
    mode = "L" if channels == 1 else "RGB"
    pictures = (Image.fromarray(image.squeeze()).convert(mode).resize((width, height)) for image in images)
    return np.stack([np.asarray(picture) for picture in pictures]).reshape(-1, height, width, channels)


def _made(images: UInt8) -> dict[str, UInt8]:
    random = np.random.default_rng(_SEED)
    return {
        "the test images inverted": 255 - images,
        "uniform noise": random.integers(0, 256, images.shape, dtype=np.uint8),
        "blank, of every grey": np.broadcast_to(
            np.arange(256, dtype=np.uint8)[:, None, None, None], (256, *images.shape[1:])
        ).copy(),
    }


def others_of(name: str, data_dir: Path | None, count: int) -> dict[str, UInt8]:
    """The first `count` test images of every fixed data set but the named one."""
    found = {other: data_set for other, data_set in dataset.all_data_sets().items() if other != name}
    return {other: dataset.load(data_set, data_dir).test.images[:count] for other, data_set in found.items()}


def report(
    version: Path, engine: EngineName, test: Split, load_others: Callable[[], Mapping[str, UInt8]]
) -> Iterator[str]:
    """Both tables of a version through one engine, line by line."""
    infer = engines.load(engine, version, threads=1)
    yield f"accuracy on {len(test.labels)} test images"
    for name, accuracy in corrupted(infer, test):
        yield f"  {name:32} {accuracy:7.2%}"
    yield "told from the test images by their energy: AUROC, and the part flagged as not in distribution"
    for name, strangers in strange(infer, contract.read(version), test, load_others()):
        flagged = "" if strangers.flagged is None else f"{strangers.flagged:8.1%}"
        yield f"  {name:32} {strangers.auroc:7.2%} {flagged}"
