"""Corruptions change images as they say, the same way each time; other images are told from the test images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import shipped
from training import dataset, robustness
from training.dataset import Split
from training.robustness import corruptions


def golden(name: str) -> Split:
    files = sorted((shipped(name) / "golden").iterdir())
    images = np.stack([np.asarray(Image.open(file)) for file in files])
    return Split(images if images.ndim == 4 else images[..., None], np.arange(len(files)).astype(np.uint8))


@pytest.mark.parametrize("name", corruptions())
@pytest.mark.parametrize("model", ["mnist", "cifar10"])
def test_a_corruption_changes_the_pictures_the_same_way_each_time(name: str, model: str) -> None:
    images = golden(model).images
    before = images.copy()
    one, other = corruptions()[name](images), corruptions()[name](images)
    assert one.shape == images.shape and one.dtype == np.uint8
    assert np.array_equal(one, other) and not np.array_equal(one, images) and np.array_equal(images, before)


def test_a_smaller_picture_is_smaller_and_a_moved_one_moved() -> None:
    image = np.zeros((1, 28, 28, 1), np.uint8)
    image[0, 9:19, 9:19] = 255
    assert 55 <= (corruptions()["at 0.8 of its size"](image) > 127).sum() <= 75
    assert np.argwhere(corruptions()["moved by 3 pixels"](image)[0, ..., 0]).min(axis=0).tolist() == [12, 12]


def test_images_of_another_data_set_get_the_shape_of_this_one() -> None:
    assert robustness.resized(golden("cifar10").images, (28, 28, 1)).shape == (10, 28, 28, 1)
    assert robustness.resized(golden("mnist").images, (32, 32, 3)).shape == (10, 32, 32, 3)


def test_the_report_names_every_corruption_and_all_other_images() -> None:
    version: Path = shipped("mnist")
    lines = list(robustness.report(version, "litert", golden("mnist"), {"cifar10": golden("cifar10").images}))
    assert "as it is" in lines[1] and "100.00%" in lines[1]
    assert len(lines) == 2 + 1 + len(corruptions()) + 4
    assert any("cifar10" in line and "100.0%" in line for line in lines)


def test_beside_data_of_ones_own_no_public_data_set_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(dataset, "load")
    assert robustness.other_images("folder", None, 10) == {} == robustness.other_images("arrays", None, 10)
