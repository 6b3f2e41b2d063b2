"""Reports say in figures and numbers what a version gives."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.inference.engines import Output
from tests.tiny.datasets import tiny
from training import report
from training.calibrate import Scaling, bins
from training.evaluate import Measured, confusion

LABELS = ("a", "b", "c")
TRUTH = np.array([0, 0, 0, 1, 1, 2], np.uint8)
PROBABILITIES = np.array(
    [[0.9, 0.1, 0], [0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0], [0.6, 0.4, 0], [0, 0.1, 0.9]], np.float32
)


def summed() -> dict[str, object]:
    counts = confusion(PROBABILITIES, TRUTH)
    return report.summary(LABELS, PROBABILITIES, PROBABILITIES, TRUTH, counts)


def test_the_summary_is_what_one_counts_by_hand() -> None:
    found = summed()
    assert found["confusion"] == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert found["accuracy"] == pytest.approx(4 / 6) and found["top_2_accuracy"] == 1
    assert found["brier_score"] == pytest.approx((0.02 + 0.06 + 1.14 + 0.02 + 0.72 + 0.02) / 6, abs=1e-6)
    expected = -np.log([0.9, 0.8, 0.2, 0.9, 0.4, 0.9]).mean()
    assert found["cross_entropy_nats"] == pytest.approx(expected, abs=1e-6)
    assert {(pair["label"], pair["taken_for"]) for pair in found["most_confused"]} == {("a", "b"), ("b", "a")}  # type: ignore[attr-defined]


def test_precision_recall_and_f1_are_by_class() -> None:
    found = report.by_class(LABELS, confusion(PROBABILITIES, TRUTH))
    assert found["a"] == {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "images": 3}
    assert found["c"] == {"precision": 1, "recall": 1, "f1": 1, "images": 1}
    nobody = report.by_class(LABELS, np.zeros((3, 3), np.int64))
    assert nobody["a"] == {"precision": 0, "recall": 0, "f1": 0, "images": 0}


def test_bins_hold_every_prediction_once() -> None:
    found = bins(PROBABILITIES, TRUTH)
    assert sum(b.images for b in found) == len(TRUTH) and all(0 <= b.accuracy <= 1 for b in found)


def test_every_figure_is_a_picture_and_the_json_is_whole(tmp_path: Path) -> None:
    train, test = tiny.make()
    logits = np.random.default_rng(1).normal(0, 2, (tiny.TEST, 4)).astype(np.float32)
    measured = Measured(0.25, 0.5, Output(report.softmax(logits), logits))
    history = [{"epoch": 1, "loss": 2.0, "accuracy": 0.1, "learning_rate": 0.1, "seconds": 1.0}]
    found = report.write(tmp_path, tiny.DATA_SET, history, train, test, measured, Scaling(0.5))
    for name in ("curves", "confusion", "reliability", "samples", "predictions", "mistakes"):
        with Image.open(tmp_path / "figures" / f"{name}.png") as image:
            assert min(image.size) > 200
    assert json.loads((tmp_path / "report.json").read_text()) == found
    assert found["history"] == history and set(found["classes"]) == set(tiny.DATA_SET.labels)


def test_a_model_without_mistakes_has_an_empty_grid_of_them(tmp_path: Path) -> None:
    train, test = tiny.make()
    logits = np.eye(4, dtype=np.float32)[test.labels] * 9
    measured = Measured(1.0, 0.0, Output(report.softmax(logits), logits))
    history = [{"epoch": 1, "loss": 2.0, "accuracy": 0.1, "learning_rate": 0.1, "val_loss": 1.0, "val_accuracy": 0.2}]
    found = report.write(tmp_path, tiny.DATA_SET, history, train, test, measured, Scaling())
    assert found["accuracy"] == 1 and found["most_confused"] == []
