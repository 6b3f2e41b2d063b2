"""What a version gives on its test split, as figures and as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training import figures
from training.calibrate import Scaling, bins, expected_calibration_error, unscaled
from training.cost import Cost, LayerRow
from training.dataset import DataSet, Split
from training.evaluate import Measured, confusion
from training.run import Epoch

FOLDER = "figures"
FILE_NAME = "report.json"
_GRID_SEED = 1


class Served(NamedTuple):
    """The network that was exported: its layers, and what an image costs."""

    layers: Sequence[LayerRow]
    cost: Cost


def write(
    folder: Path,
    data_set: DataSet,
    history: Sequence[Epoch],
    train: Split,
    test: Split,
    measured: Measured,
    scaling: Scaling,
    served: Served | None = None,
) -> dict[str, Any]:
    """Writes `figures/*.png` and `report.json` into a version folder; returns what the JSON holds.

    `measured` is of the test split, by the engine that serves; `scaling` is what made its logits honest; `served` is
    the network as it is served, where that is known.
    """
    plots = folder / FOLDER
    plots.mkdir()
    probabilities = measured.output.probabilities
    uncalibrated = softmax(unscaled(measured.output.logits, scaling))
    counts = confusion(probabilities, test.labels)
    if history:
        figures.curves(history, plots / "curves.png")
    figures.confusion(counts, data_set.labels, plots / "confusion.png")
    curves = {"before": bins(uncalibrated, test.labels), "after": bins(probabilities, test.labels)}
    figures.reliability(curves, plots / "reliability.png")
    figures.pictures(train.images, [data_set.labels[n] for n in train.labels[:25]], plots / "samples.png")
    _write_predictions(data_set, test, probabilities, plots)
    found = summary(data_set.labels, probabilities, uncalibrated, test.labels, counts)
    if served:
        figures.network(served.layers, plots / "network.png")
        found["cost"] = served.cost._asdict()
        found["network"] = [row._asdict() for row in served.layers]
    found["history"] = list(history)
    (folder / FILE_NAME).write_text(json.dumps(found, indent=2) + "\n")
    return found


def summary(
    labels: Sequence[str],
    probabilities: NDArray[np.float32],
    uncalibrated: NDArray[np.float32],
    truth: NDArray[np.uint8],
    counts: NDArray[np.int64],
) -> dict[str, Any]:
    """The figures of a test split: overall, by class, and the pairs of classes most often taken for each other."""
    own = probabilities[np.arange(len(truth)), truth]
    one_hot = np.eye(len(labels), dtype=np.float32)[truth]
    top_2 = np.argsort(probabilities, axis=1)[:, -2:]
    wrong = counts - np.diag(np.diag(counts))
    pairs = np.dstack(np.unravel_index(np.argsort(-wrong, axis=None)[:5], wrong.shape))[0]
    return {
        "images": len(truth),
        "accuracy": float((probabilities.argmax(axis=1) == truth).mean()),
        "top_2_accuracy": float((top_2 == truth[:, None]).any(axis=1).mean()),
        "cross_entropy_nats": float(-np.log(np.maximum(own, 1e-12)).mean()),
        "brier_score": float(((probabilities - one_hot) ** 2).sum(axis=1).mean()),
        "calibration_error": expected_calibration_error(probabilities, truth),
        "calibration_error_before": expected_calibration_error(uncalibrated, truth),
        "classes": by_class(labels, counts),
        "most_confused": [
            {"label": labels[true], "taken_for": labels[taken], "images": int(wrong[true, taken])}
            for true, taken in pairs
            if wrong[true, taken]
        ],
        "confusion": counts.tolist(),
    }


def by_class(labels: Sequence[str], counts: NDArray[np.int64]) -> dict[str, Mapping[str, float]]:
    """Precision, recall, F1 and number of test images of each class; 0 where a ratio has no denominator."""
    right = np.diag(counts)
    precision = right / np.maximum(1, counts.sum(axis=0))
    recall = right / np.maximum(1, counts.sum(axis=1))
    f1 = 2 * right / np.maximum(1, counts.sum(axis=0) + counts.sum(axis=1))
    rows = zip(labels, precision.tolist(), recall.tolist(), f1.tolist(), counts.sum(axis=1).tolist(), strict=True)
    return {label: {"precision": p, "recall": r, "f1": f, "images": n} for label, p, r, f, n in rows}


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities `[N, classes]`."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32)


def _write_predictions(data_set: DataSet, test: Split, probabilities: NDArray[np.float32], plots: Path) -> None:
    """A grid of random test images, and one of the mistakes the model was surest of."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    chosen = np.random.default_rng(_GRID_SEED).permutation(len(test.labels))[:25]
    mistakes = np.flatnonzero(predicted != test.labels)
    surest = mistakes[np.argsort(-confidence[mistakes])][:25]
    for name, indices in (("predictions", chosen), ("mistakes", surest)):
        told = [_told(data_set.labels, test.labels[n], predicted[n], confidence[n]) for n in indices]
        figures.pictures(test.images[indices], told, plots / f"{name}.png")


def _told(labels: Sequence[str], true: int, predicted: int, confidence: float) -> str:
    if true == predicted:
        return f"{labels[predicted]} {confidence:.0%}"
    return f"{labels[predicted]} {confidence:.0%}\nis {labels[true]}"
