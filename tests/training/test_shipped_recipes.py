"""Each shipped recipe learns: a short run on 2 000 real images."""

from pathlib import Path

import pytest

from training import dataset, fit, recipe
from training.dataset import Split
from training.run import Run

pytestmark = pytest.mark.thorough

IMAGES, HELD_OUT = 2000, 500


@pytest.mark.parametrize(("name", "min_accuracy"), [("mnist", 0.90), ("fashion_mnist", 0.70), ("cifar10", 0.30)])
def test_a_shipped_recipe_learns_from_2000_real_images(
    data_dir: Path, tmp_path: Path, name: str, min_accuracy: float
) -> None:
    data_set = dataset.find(name)
    images, labels = dataset.load(data_set, data_dir).train
    train = Split(images[:IMAGES], labels[:IMAGES])
    held_out = Split(images[-HELD_OUT:], labels[-HELD_OUT:])
    short = recipe.with_epochs(recipe.find(name), 4).with_(batch_size=64, validation_images=HELD_OUT)
    trained, history = fit.fit(Run(short, 1, tmp_path), data_set, train, held_out)
    assert len(history) == 4 and fit.measure(trained, held_out)[1] >= min_accuracy
