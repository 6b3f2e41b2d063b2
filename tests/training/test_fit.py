"""The batches of a training, and runs that go on in the precision they began with."""

from pathlib import Path

import numpy as np
import pytest

from tests import tiny
from tests.tiny.datasets import tiny as tiny_data
from training import backend, dataset, fit, recipe
from training import run as runs
from training.dataset import Split
from training.recipe import Augmentation, Recipe

SPLIT = Split(np.arange(40 * 4, dtype=np.uint8).reshape(40, 2, 2, 1), (np.arange(40) % 4).astype(np.uint8))


def tiny_recipe(**changes: object) -> Recipe:
    tiny.install()
    return recipe.find("tiny").with_(epochs=3, batch_size=16, **changes)


def epochs(of: Recipe, first: int = 0) -> list[np.ndarray]:
    """The pictures of each epoch from `first` on, in their order."""
    batches, found = fit.Batches(SPLIT, 4, of, 1, first), []
    for epoch in range(first, of.epochs):
        batches.begin(epoch)
        found.append(np.concatenate([batches[index][0] for index in range(len(batches))]))
    return found


def test_an_epoch_has_every_picture_once_in_an_order_of_its_own() -> None:
    first, second, _ = epochs(tiny_recipe())
    assert first.shape == SPLIT.images.shape and not np.array_equal(first, second)
    assert np.array_equal(np.sort(first[:, 0, 0, 0]), SPLIT.images[:, 0, 0, 0])


def test_every_batch_divides_by_the_number_of_devices() -> None:
    batches = fit.Batches(SPLIT, 4, tiny_recipe(), 1, 0, devices=16)
    assert [len(batches[index][0]) for index in range(len(batches))] == [16, 16]
    batches = fit.Batches(SPLIT, 4, tiny_recipe(), 1, 0, devices=4)
    assert [len(batches[index][0]) for index in range(len(batches))] == [16, 16, 8]


def test_a_run_that_goes_on_gets_the_batches_it_would_have_had() -> None:
    for one, other in zip(epochs(tiny_recipe())[1:], epochs(tiny_recipe(), first=1), strict=True):
        assert np.array_equal(one, other)


def test_a_picture_is_mirrored_in_every_second_epoch() -> None:
    def mirrored(pictures: np.ndarray) -> set[int]:
        return {int(picture.min()) for picture in pictures if picture[0, 0, 0] > picture[0, 1, 0]}

    first, second, third = map(mirrored, epochs(tiny_recipe(augmentation=Augmentation(mirror=True))))
    assert first == third and len(first) + len(second) == 40 and not first & second
    assert not any(map(mirrored, epochs(tiny_recipe())))


@pytest.mark.thorough
def test_keras_gets_the_batches_of_each_epoch_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[bytes] = []
    batch_of = fit.Batches.__getitem__

    def recorded(batches: fit.Batches, index: int) -> tuple[np.ndarray, np.ndarray]:
        images, targets = batch_of(batches, index)
        # Keras asks for the first batch once more, to see its shape.
        if index == 0 and images.tobytes() not in fetched[-1:]:
            fetched.append(images.tobytes())
        return images, targets

    monkeypatch.setattr(fit.Batches, "__getitem__", recorded)
    trained(tmp_path / "run", 3)
    train, _ = tiny_data.make().hold_out(100)
    firsts = [np.random.default_rng((1, epoch)).permutation(700)[:16] for epoch in range(3)]
    assert fetched == [train.images[first].tobytes() for first in firsts]


def trained(folder: Path, epochs: int) -> runs.Checkpoint:
    """After so many epochs; a run for more of them goes on from there."""
    run = runs.Run(tiny_recipe(precision="auto").with_(epochs=epochs), 1, folder)
    folder.mkdir(exist_ok=True)
    data_set = dataset.find("tiny")
    fit.fit(run, data_set, *tiny_data.make().hold_out(100))
    checkpoint = run.load()
    assert checkpoint is not None
    return checkpoint


@pytest.mark.thorough
def test_a_run_goes_on_in_the_precision_it_began_with_on_another_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for has_bfloat16, expected in ((True, "mixed_bfloat16"), (False, "float32")):
        folder = tmp_path / expected
        monkeypatch.setattr(backend, "has_bfloat16", lambda has=has_bfloat16: has)
        assert trained(folder, 1).precision == expected
        monkeypatch.setattr(backend, "has_bfloat16", lambda has=not has_bfloat16: has)
        gone_on = trained(folder, 2)
        assert gone_on.precision == expected and [epoch["epoch"] for epoch in gone_on.history] == [1, 2]
