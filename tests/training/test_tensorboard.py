"""TensorBoard reads what a run writes for it."""

import sys
from pathlib import Path

import pytest

from training.tensorboard import FOLDER, Curves, NoTensorBoard


def test_each_epoch_becomes_a_point_of_each_curve(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="an extra: pip install -r requirements/tensorboard.txt")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    curves = Curves(tmp_path)
    for epoch in (1, 2):
        curves({"epoch": epoch, "loss": 1 / epoch, "accuracy": 0.5 * epoch})
    found = EventAccumulator(str(tmp_path / FOLDER)).Reload()
    assert sorted(found.Tags()["tensors"]) == ["accuracy", "loss"]
    points = [(event.step, tensor_util.make_ndarray(event.tensor_proto).item()) for event in found.Tensors("loss")]
    assert points == [(1, 1.0), (2, 0.5)]


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(NoTensorBoard, match=r"requirements/tensorboard\.txt"):
        Curves(tmp_path)
