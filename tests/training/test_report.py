"""Reports say in figures and numbers what a version gives."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import special

from service.inference.engines import Output
from service.manifest import EngineName
from tests.tiny.datasets import tiny
from training import report
from training.calibrate import Scaling
from training.evaluate import Measured

HISTORY = [{"epoch": 1, "loss": 2.0, "accuracy": 0.1, "learning_rate": 0.1, "seconds": 1.0}]


def measured(logits: np.ndarray) -> dict[EngineName, Measured]:
    return {"litert": Measured(0.25, 0.5, Output(special.softmax(logits, axis=1), logits))}


def test_every_figure_is_a_picture_and_the_json_is_whole(tmp_path: Path) -> None:
    train, test = tiny.make()
    logits = np.random.default_rng(1).normal(0, 2, (tiny.TEST, 4)).astype(np.float32)
    found = report.write(tmp_path, tiny.DATA_SET.labels, test, measured(logits), Scaling(0.5), train, HISTORY)
    for name in ("curves", "confusion", "reliability", "samples", "predictions", "mistakes"):
        with Image.open(tmp_path / "figures" / f"{name}.png") as image:
            assert min(image.size) > 200
    assert json.loads((tmp_path / "report.json").read_text()) == found
    assert found["history"] == HISTORY and set(found["classes"]) == set(tiny.DATA_SET.labels)


def test_a_model_without_mistakes_has_an_empty_grid_of_them(tmp_path: Path) -> None:
    _, test = tiny.make()
    logits = np.eye(4, dtype=np.float32)[test.labels] * 9
    found = report.write(tmp_path, tiny.DATA_SET.labels, test, measured(logits), Scaling())
    assert found["accuracy"] == 1 and all(row["taken_for"] is None for row in found["classes"].values())
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {
        "confusion", "reliability", "predictions", "mistakes",
    }  # fmt: skip


def test_class_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    _, test = tiny.make()
    logits = np.random.default_rng(1).normal(0, 2, (tiny.TEST, 4)).astype(np.float32)
    report.write(tmp_path, ("$^$", "a_b", r"\\frac", "50 %"), test, measured(logits), Scaling())
    assert (tmp_path / "figures" / "confusion.png").exists()
