"""A look at a data set before anything is trained on it."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from training import atomic, figures
from training.augmentation import Augment
from training.dataset import DataSet, Split, Splits
from training.recipe import Recipe

_SHOWN = 25


def report(data_set: DataSet, splits: Splits) -> Iterator[str]:
    """Lines on shapes, value ranges, label counts, and whether images and labels belong together."""
    yield data_set.title
    for name, split in zip(("train", "test"), splits, strict=True):
        images, labels = split
        yield f"{name}: {len(labels)} images {images.shape[1:]} {images.dtype}, values {images.min()} to {images.max()}"
        counts = np.bincount(labels, minlength=len(data_set.labels))
        width = max(len(label) for label in data_set.labels)
        yield from (f"  {label:{width}} {count:6}" for label, count in zip(data_set.labels, counts, strict=True))
    yield (
        f"images match labels: the nearest class mean of train names {nearest_mean_accuracy(splits):.1%} of test, "
        f"where shuffled labels would give about {1 / len(data_set.labels):.0%}"
    )


def nearest_mean_accuracy(splits: Splits) -> float:
    """How often the nearest of train's class means, by Euclidean distance, is the test label."""
    x_train, x_test = (split.images.reshape(len(split.images), -1).astype(np.float32) for split in splits)
    means = np.stack([x_train[splits.train.labels == label].mean(axis=0) for label in np.unique(splits.train.labels)])
    distances = (means**2).sum(axis=1) - 2 * x_test @ means.T
    return float((distances.argmin(axis=1) == splits.test.labels).mean())


def write_samples(data_set: DataSet, split: Split, path: Path) -> None:
    """A PNG of the split's first 5×5 images with their labels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.new_file(path) as part:
        figures.pictures(split.images[:_SHOWN], [data_set.labels[label] for label in split.labels[:_SHOWN]], part)


def write_augmented(data_set: DataSet, split: Split, recipe: Recipe, path: Path) -> None:
    """A PNG of the same images as the network sees them in the first phase of a recipe."""
    augmentation = Augment([recipe.augmentation], seed=1)
    images = keras.ops.convert_to_numpy(augmentation(split.images[:_SHOWN], training=True))
    write_samples(data_set, Split(images, split.labels), path)
