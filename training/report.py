"""What a version gives on its test split, as figures and as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from service.manifest import EngineName
from training import evaluate, figures
from training.calibrate import Scaling, unscaled
from training.cost import Cost
from training.dataset import Split
from training.evaluate import Measured

FILE_NAME = "report.json"
_FOLDER = "figures"
_GRID_SEED = 1
_SHOWN = 25


def write(
    folder: Path,
    labels: Sequence[str],
    test: Split,
    measured: Mapping[EngineName, Measured],
    scaling: Scaling,
    train: Split | None = None,
    history: Sequence[Mapping[str, float]] = (),
    cost: Cost | None = None,
) -> dict[str, Any]:
    """Writes `figures/*.png` and `report.json` into a version folder; returns what the JSON holds.

    `measured` is of the test split, the engine that serves first; `scaling` is what calibrated its logits. Training
    images, history and cost are left out where they are not known.
    """
    plots = folder / _FOLDER
    plots.mkdir()
    output = next(iter(measured.values())).output
    uncalibrated = special.softmax(unscaled(output.logits, scaling), axis=1)
    found = evaluate.summary(labels, output.probabilities, uncalibrated, test.labels)
    if history:
        figures.curves(history, plots / "curves.png")
    if train:
        figures.pictures(train.images, [labels[n] for n in train.labels[:_SHOWN]], plots / "samples.png")
    figures.confusion(found["confusion"], labels, plots / "confusion.png")
    both = {"before calibration": uncalibrated, "after calibration": output.probabilities}
    figures.reliability(both, test.labels, plots / "reliability.png")
    _write_predictions(labels, test, output.probabilities, plots)
    found["calibration_errors"] = {name: one.calibration_error for name, one in measured.items()}
    found |= {"cost": cost._asdict()} if cost else {}
    found["history"] = list(history)
    (folder / FILE_NAME).write_text(json.dumps(found, indent=2) + "\n")
    return found


def _write_predictions(labels: Sequence[str], test: Split, probabilities: NDArray[np.float32], plots: Path) -> None:
    """A grid of random test images, and one of the mistakes with the highest confidence."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    chosen = np.random.default_rng(_GRID_SEED).permutation(len(test.labels))[:_SHOWN]
    mistakes = np.flatnonzero(predicted != test.labels)
    surest = mistakes[np.argsort(-confidence[mistakes])][:_SHOWN]
    for name, indices in (("predictions", chosen), ("mistakes", surest)):
        captions = [_caption(labels, test.labels[n], predicted[n], confidence[n]) for n in indices]
        figures.pictures(test.images[indices], captions, plots / f"{name}.png")


def _caption(labels: Sequence[str], true: int, predicted: int, confidence: float) -> str:
    text = f"{labels[predicted]} {confidence:.0%}"
    return text if true == predicted else f"{text}\nis {labels[true]}"
