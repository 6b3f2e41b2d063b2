"""Four classes of bright quarters on noise."""

from pathlib import Path

import numpy as np

from service.manifest import InputSpec
from training.dataset import DataSet, Split, Splits, digest
from training.formats import npz

_INPUT = InputSpec(height=12, width=12, channels=1)
TRAIN, TEST = 800, 200


def make() -> Splits:
    """The same arrays each time."""
    random = np.random.default_rng(7)
    return Splits(_split(random, TRAIN), _split(random, TEST))


def _split(random: np.random.Generator, count: int) -> Split:
    labels = (np.arange(count) % 4).astype(np.uint8)
    images = random.integers(0, 120, (count, 12, 12, 1), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = 6 * (label // 2), 6 * (label % 2)
        image[top : top + 6, left : left + 6] += 100
    return Split(images, labels)


def write(folder: Path) -> None:
    """`tiny.npz` as a data folder holds it."""
    (x_train, y_train), (x_test, y_test) = make()
    np.savez(folder / "tiny.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


DATA_SET = DataSet(
    name="tiny",
    title="bright quarters",
    labels=("north-west", "north-east", "south-west", "south-east"),
    kind="photo",
    input=_INPUT,
    train_images=TRAIN,
    test_images=TEST,
    digest=digest(make()),
    sources=(npz("tiny", _INPUT),),
    keras_name="nothing_of_that_name",
    licence="made by the tests",
    citation="nobody",
)
