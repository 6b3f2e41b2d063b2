"""Training pictures as people would upload them."""

from pathlib import Path

import numpy as np
import pytest

from service.manifest import InputSpec
from training import uploads
from training.augmentations import scene
from training.dataset import DataSet, Split

GARMENTS = DataSet(
    name="shirts",
    title="shirts, 28×28 grey",
    labels=("short", "long"),
    kind="garment",
    input=InputSpec(height=28, width=28, channels=1),
    train_images=20,
    test_images=1,
    digest="0" * 64,
    licence="none",
    citation="made here",
)


def shirts(count: int) -> np.ndarray:
    """A body and two sleeves, light on black, `[N, 28, 28, 1]`."""
    images = np.zeros((count, 28, 28, 1), np.uint8)
    images[:, 2:26, 9:19] = 200
    images[:, 3:9, 3:25] = 180
    return images


def photographed(seed: int, image: np.ndarray | None = None) -> np.ndarray:
    shirt = shirts(1)[0, :, :, 0] if image is None else image
    return np.asarray(scene.photographed(shirt, np.random.default_rng(seed)))


def test_a_photograph_is_in_colour_and_of_a_cameras_proportions() -> None:
    shapes = {photographed(seed).shape for seed in range(30)}
    assert shapes == {(128, 96, 3), (128, 128, 3), (96, 128, 3)}


def test_each_draw_is_another_scene_and_the_same_draw_the_same() -> None:
    assert np.array_equal(photographed(1), photographed(1))
    assert not np.array_equal(photographed(1)[:96, :96], photographed(2)[:96, :96])


def test_the_garment_keeps_its_outline_and_stands_out_from_the_ground() -> None:
    for seed in range(40):
        random = np.random.default_rng(seed)
        laid = scene._laid(shirts(1)[0, :, :, 0], (128, 96), random)
        inside = laid.cover > 0.5
        rows, columns = inside.any(axis=1).sum(), inside.any(axis=0).sum()
        assert 0.4 < inside.sum() / (rows * columns) < 0.95
        assert max(rows / 128, columns / 96) > 0.6
        assert laid.dark[inside].min() > 100, "no black of the data set's ground at its rim"


def test_a_small_dark_print_is_no_hole() -> None:
    printed = shirts(1)[0, :, :, 0].copy()
    printed[12:14, 12:14] = 0
    assert scene._cover(printed)[12:14, 12:14].all()
    assert not scene._cover(printed)[:2].any()


@pytest.mark.parametrize("image", [np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)])
def test_a_picture_of_nothing_or_of_cloth_alone_is_photographed_too(image: np.ndarray) -> None:
    assert photographed(3, image).shape[2] == 3


def test_uploads_come_after_the_split_with_the_labels_of_what_they_show(tmp_path: Path) -> None:
    train = Split(shirts(10), np.arange(10, dtype=np.uint8) % 2)
    longer = uploads.added(train, 0.5, GARMENTS, 1, tmp_path / "uploads.npy")
    assert np.array_equal(longer.images[:10], train.images) and longer.images.shape == (15, 28, 28, 1)
    assert longer.labels.tolist() == [0, 1] * 5 + [0, 1, 0, 1, 0]
    assert len(np.unique(longer.images[10:], axis=0)) == 5, "each is another picture"
    # Cut out, fitted and negated again: something light, as large as fits.
    assert (longer.images[10:].max(axis=(1, 2, 3)) > 40).all()


def test_uploads_are_made_once(tmp_path: Path) -> None:
    train, file = Split(shirts(4), np.zeros(4, np.uint8)), tmp_path / "uploads.npy"
    first = uploads.added(train, 1.0, GARMENTS, 1, file)
    written = file.stat().st_mtime_ns
    again = uploads.added(train, 1.0, GARMENTS, 1, file)
    assert np.array_equal(first.images, again.images) and file.stat().st_mtime_ns == written
    assert [part.name for part in tmp_path.iterdir()] == ["uploads.npy"]


def test_the_seed_decides_them_and_the_number_of_processes_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    images = shirts(6)
    both = uploads.uploads(images, GARMENTS, 1)
    monkeypatch.setattr(uploads, "_AT_ONCE", 2)
    assert np.array_equal(both, uploads.uploads(images, GARMENTS, 1))
    assert not np.array_equal(both, uploads.uploads(images, GARMENTS, 2))


def test_a_recipe_without_uploads_trains_on_the_split_as_it_is(tmp_path: Path) -> None:
    train = Split(shirts(4), np.zeros(4, np.uint8))
    assert uploads.added(train, 0.0, GARMENTS, 1, tmp_path / "uploads.npy") is train
    assert not list(tmp_path.iterdir())
