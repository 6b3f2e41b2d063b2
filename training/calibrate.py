"""Honest probabilities: the temperature and the in-distribution threshold, from held-out logits."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# This part of the held-out pictures counts as in distribution.
_IN_DISTRIBUTION = 0.99


class Calibration(NamedTuple):
    """Logits are divided by `temperature`; a picture is in distribution if its energy reaches `energy_threshold`."""

    temperature: float
    energy_threshold: float


def calibrate(
    logits: NDArray[np.float32], labels: NDArray[np.uint8], changed: NDArray[np.float32] | None = None
) -> Calibration:
    """Fits both on logits `[N, classes]` of pictures that were not trained on.

    `changed` are logits of the same pictures as training shows them: they count for the threshold too, so that a
    picture in other light or of other ground, which the model has learnt, is not called foreign.
    """
    temperature = fit_temperature(logits, labels)
    every = logits if changed is None else np.concatenate([logits, changed])
    energies = np.logaddexp.reduce(every / temperature, axis=1)
    return Calibration(temperature, float(np.quantile(energies, 1 - _IN_DISTRIBUTION)))


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """The temperature of least cross-entropy (Guo et al. 2017, arXiv 1706.04599), between 0.05 and 20.

    The cross-entropy is convex in the inverse temperature, so a golden-section search over its logarithm finds it.
    """
    low, high, ratio = np.log(0.05), np.log(20.0), (np.sqrt(5) - 1) / 2
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _cross_entropy(logits, labels, np.exp(left)) < _cross_entropy(logits, labels, np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.uint8], temperature: float) -> float:
    scaled = logits.astype(np.float64) / temperature
    return float((np.logaddexp.reduce(scaled, axis=1) - scaled[np.arange(len(labels)), labels]).mean())


class Bin(NamedTuple):
    """The predictions whose confidence falls into one bin: their means, and how many they are."""

    confidence: float
    accuracy: float
    images: int


def bins(probabilities: NDArray[np.float32], labels: NDArray[np.uint8], count: int = 15) -> list[Bin]:
    """The bins of equal width that hold any prediction."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * count).astype(int), count - 1)
    members = [bin_of == number for number in range(count)]
    return [Bin(float(confidence[m].mean()), float(right[m].mean()), int(m.sum())) for m in members if m.any()]


def expected_calibration_error(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """Mean gap between confidence and accuracy over 15 bins, weighted by size (Guo et al. 2017)."""
    gaps = [abs(found.confidence - found.accuracy) * found.images for found in bins(probabilities, labels)]
    return float(sum(gaps) / len(labels))
