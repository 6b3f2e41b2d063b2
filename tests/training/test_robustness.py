"""Corruptions change pictures as they say, the same way each time; AUROC is what one counts by hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service import manifest as contract
from tests.conftest import shipped
from training import robustness
from training.corruptions import suite
from training.dataset import Split


def golden(name: str) -> Split:
    files = sorted((shipped(name) / "golden").iterdir())
    images = np.stack([np.asarray(Image.open(file)) for file in files])
    return Split(images if images.ndim == 4 else images[..., None], np.arange(len(files)).astype(np.uint8))


@pytest.mark.parametrize("name", suite())
@pytest.mark.parametrize("model", ["mnist", "cifar10"])
def test_a_corruption_changes_the_pictures_the_same_way_each_time(name: str, model: str) -> None:
    images = golden(model).images
    before = images.copy()
    one, other = suite()[name](images), suite()[name](images)
    assert one.shape == images.shape and one.dtype == np.uint8
    assert np.array_equal(one, other) and not np.array_equal(one, images) and np.array_equal(images, before)


def test_a_smaller_picture_is_smaller_and_a_moved_one_moved() -> None:
    image = np.zeros((1, 28, 28, 1), np.uint8)
    image[0, 9:19, 9:19] = 255
    assert 55 <= (suite()["at 0.8 of its size"](image) > 127).sum() <= 75
    assert np.argwhere(suite()["moved by 3 pixels"](image)[0, ..., 0]).min(axis=0).tolist() == [12, 12]


@pytest.mark.parametrize(
    ("higher", "lower", "expected"),
    [
        ([3, 4], [1, 2], 1.0),
        ([1, 2], [3, 4], 0.0),
        ([1, 1], [1, 1], 0.5),
        ([1, 3], [2, 2], 0.5),
        ([2, 3], [2, 1], 0.875),
    ],
)
def test_auroc_is_what_one_counts_by_hand(higher: list[float], lower: list[float], expected: float) -> None:
    assert robustness.auroc(np.array(higher, np.float32), np.array(lower, np.float32)) == expected


def test_pictures_of_another_data_set_get_the_shape_of_this_one() -> None:
    grey, colour = contract.read(shipped("mnist")), contract.read(shipped("cifar10"))
    assert robustness.fitted(golden("cifar10").images, grey).shape == (10, 28, 28, 1)
    assert robustness.fitted(golden("mnist").images, colour).shape == (10, 32, 32, 3)


def test_the_report_names_every_corruption_and_every_stranger() -> None:
    version: Path = shipped("mnist")
    lines = list(robustness.report(version, "litert", golden("mnist"), lambda: {"cifar10": golden("cifar10").images}))
    assert "as it is" in lines[1] and "100.00%" in lines[1]
    assert len(lines) == 2 + 1 + len(suite()) + 4
    assert any("cifar10" in line and "100.0%" in line for line in lines)
