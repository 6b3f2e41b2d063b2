"""What a version gives on a split, measured with the engines that serve it, and how far the figures can be trusted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics

from service.inference import engines
from service.inference.engines import Output
from service.manifest import EngineName
from training.dataset import Split

_BINS = 15


class Measured(NamedTuple):
    """What an engine gave on a split; `output` in the split's order."""

    accuracy: float
    calibration_error: float
    output: Output


def measure(folder: Path, engine: EngineName, split: Split) -> Measured:
    """Runs a whole split through an engine, exactly as the service would."""
    output = engines.load(engine, folder, threads=1)(split.images)
    accuracy = float((output.probabilities.argmax(axis=1) == split.labels).mean())
    return Measured(accuracy, expected_calibration_error(output.probabilities, split.labels), output)


def agreement(one: Output, other: Output) -> float:
    """The part of the images on which two engines name the same class."""
    return float((one.probabilities.argmax(axis=1) == other.probabilities.argmax(axis=1)).mean())


def expected_calibration_error(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """Mean gap between confidence and accuracy over 15 bins of equal width, weighted by size (Guo et al. 2017)."""
    confidence = probabilities.max(axis=1)
    gaps = (probabilities.argmax(axis=1) == labels) - confidence
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return float(np.abs(np.bincount(bins, weights=gaps)).sum() / len(labels))


def summary(
    labels: Sequence[str],
    probabilities: NDArray[np.float32],
    uncalibrated: NDArray[np.float32],
    truth: NDArray[np.uint8],
) -> dict[str, Any]:
    """The figures of a split as JSON can hold them: overall and by class.

    Both kinds of probabilities are `[N, classes]`.
    """
    classes, predicted = range(len(labels)), probabilities.argmax(axis=1)
    top_2 = np.argsort(probabilities, axis=1)[:, -2:]
    # LiteRT's rows sum to 1 within a few units of float32 only.
    exact = probabilities / probabilities.sum(axis=1, keepdims=True, dtype=np.float64)
    counts = metrics.confusion_matrix(truth, predicted, labels=classes)
    by_class = metrics.precision_recall_fscore_support(truth, predicted, labels=classes, zero_division=0.0)
    return {
        "images": len(truth),
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "top_2_accuracy": float((top_2 == truth[:, None]).any(axis=1).mean()),
        "cross_entropy_nats": float(metrics.log_loss(truth, exact, labels=classes)),
        "brier_score": float(metrics.brier_score_loss(truth, exact, labels=classes, scale_by_half=False)),
        "calibration_error": expected_calibration_error(probabilities, truth),
        "calibration_error_before": expected_calibration_error(uncalibrated, truth),
        "classes": {
            label: {"precision": p, "recall": r, "f1": f, "images": n, **_taken_for(labels, counts, number)}
            for number, (label, p, r, f, n) in enumerate(zip(labels, *(c.tolist() for c in by_class), strict=True))
        },
        "confusion": counts.tolist(),
    }


def _taken_for(labels: Sequence[str], counts: NDArray[np.int64], label: int) -> dict[str, Any]:
    """Which class a class is most often taken for, and on how many images; None and 0 where it never is."""
    wrong = counts[label].copy()
    wrong[label] = 0
    return {"taken_for": labels[wrong.argmax()] if wrong.any() else None, "mistaken": int(wrong.max())}


def accuracy_text(accuracy: float, images: int | None) -> str:
    """An accuracy with the number of images it was measured on, where that is known, and its 95 % interval (Wilson)."""
    if images is None:
        return f"{accuracy:.2%}"
    low, high = stats.binomtest(round(accuracy * images), images).proportion_ci(method="wilson")
    return f"{accuracy:.2%} of {images} images (95 % interval {low:.1%} to {high:.1%})"
