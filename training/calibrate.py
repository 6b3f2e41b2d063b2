"""Honest probabilities: how logits are scaled, and the in-distribution threshold, from held-out logits."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# This part of the held-out pictures counts as in distribution.
_IN_DISTRIBUTION = 0.99


# Of the predicted label, in log-odds: where another slope begins. Below the first nothing changes, so that no other
# label can come to the top.
KNOTS = tuple(math.log(probability / (1 - probability)) for probability in (0.5, 0.8, 0.95))
# Standard deviation of the Gaussian prior around 1 of all factors by which logits grow: 1 / temperature and slopes.
# A hundred images, all of them answered rightly, give probabilities near 0.99; thousands of images outweigh it.
_PRIOR_DEVIATION = 0.5
_LEAST_SLOPE = 0.05
# With fewer images nothing is fitted: a network that is wrong one time in ten may well be right on all of these
# (0.9 ** 30 is 4 %), so they cannot tell whether it is too sure.
MIN_CALIBRATION_IMAGES = 30
_SWEEPS = 100


class Scaling(NamedTuple):
    """How a network's logits become honest: divided by `temperature`, then the predicted label's raised or lowered.

    A single temperature leaves a network that was trained with smoothed labels too sure around 0.9. So the log-odds of
    the predicted label become piecewise linear in what they were, with a slope from each of KNOTS on; labels keep their
    order, and the energy stays as it was.
    """

    temperature: float = 1.0
    slopes: tuple[float, ...] = (1.0,) * len(KNOTS)


class Calibration(NamedTuple):
    """How logits are scaled; a picture is in distribution if its energy reaches `energy_threshold`.

    `images` is the number of images on which the scaling was fitted; 0 where there were fewer than
    MIN_CALIBRATION_IMAGES, so that it changes nothing.
    """

    scaling: Scaling
    energy_threshold: float
    images: int


def calibrate(
    logits: NDArray[np.float32], labels: NDArray[np.uint8], changed: NDArray[np.float32] | None = None
) -> Calibration:
    """Fits all on logits `[N, classes]` of pictures that were not trained on.

    `changed` are logits of the same pictures as training shows them: they count for the threshold too, so that a
    picture in other light or of other ground, which the model has learnt, is not called foreign.
    """
    enough = len(labels) >= MIN_CALIBRATION_IMAGES
    scaling = _fit(logits, labels) if enough else Scaling()
    every = logits if changed is None else np.concatenate([logits, changed])
    energies = np.logaddexp.reduce(every / scaling.temperature, axis=1)
    threshold = float(np.quantile(energies, 1 - _IN_DISTRIBUTION))
    return Calibration(scaling, threshold, len(labels) if enough else 0)


def _fit(logits: NDArray[np.float32], labels: NDArray[np.uint8]) -> Scaling:
    temperature = fit_temperature(logits, labels)
    return Scaling(temperature, _fit_slopes(logits / temperature, labels))


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """The most likely temperature (Guo et al. 2017, arXiv 1706.04599) under the prior, between 0.05 and 20.

    Cross-entropy and prior are convex in the inverse temperature, so a golden-section search over its logarithm finds
    it.
    """
    low, high, ratio = np.log(0.05), np.log(20.0), (np.sqrt(5) - 1) / 2
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _loss(logits, labels, np.exp(left)) < _loss(logits, labels, np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _loss(logits: NDArray[np.float32], labels: NDArray[np.uint8], temperature: float) -> float:
    """The negative logarithm of likelihood times prior, but for a constant."""
    scaled = logits.astype(np.float64) / temperature
    cross_entropy = (np.logaddexp.reduce(scaled, axis=1) - scaled[np.arange(len(labels)), labels]).sum()
    return float(cross_entropy + (1 / temperature - 1) ** 2 / (2 * _PRIOR_DEVIATION**2))


def _fit_slopes(logits: NDArray[np.float32], labels: NDArray[np.uint8]) -> tuple[float, ...]:
    """The slopes of least cross-entropy of being right, by Newton's method on one after the other: it is convex."""
    odds = _odds(logits)
    right = (logits.argmax(axis=1) == labels)[odds > 0]
    parts = _parts(odds[odds > 0])
    slopes = np.ones(len(KNOTS))
    for _ in range(_SWEEPS):
        for index, part in enumerate(parts.T):
            likely = 1 / (1 + np.exp(-parts @ slopes))
            gradient = part @ (likely - right) + (slopes[index] - 1) / _PRIOR_DEVIATION**2
            curvature = part**2 @ (likely * (1 - likely)) + 1 / _PRIOR_DEVIATION**2
            slopes[index] = max(_LEAST_SLOPE, slopes[index] - gradient / curvature)
    return tuple(slopes.tolist())


def _odds(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """The log-odds of each row's largest logit, `[N]`."""
    largest_last = np.sort(logits.astype(np.float64), axis=1)
    return largest_last[:, -1] - np.logaddexp.reduce(largest_last[:, :-1], axis=1)


def _parts(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of each value lies between a knot and the next, `[N, KNOTS]`."""
    return np.clip(odds[:, None], KNOTS, (*KNOTS[1:], np.inf)) - KNOTS


def unscaled(logits: NDArray[np.float32], scaling: Scaling) -> NDArray[np.float32]:
    """Logits as before scaling, but for a constant a row, which their softmax does not tell."""
    scaled = _odds(logits)
    # The knots as they were moved, from which the way back has the inverse slopes.
    moved = np.cumsum([0.0, *(np.diff(KNOTS) * scaling.slopes[:-1])])
    there = np.clip(scaled[:, None], moved, (*moved[1:], np.inf)) - moved
    before = np.where(scaled > 0, there @ (1 / np.asarray(scaling.slopes)), scaled)
    raised = logits.astype(np.float64)
    raised[np.arange(len(logits)), logits.argmax(axis=1)] += before - scaled
    return (raised * scaling.temperature).astype(np.float32)


def state(temperature: float | None, images: int | None) -> str:
    """What a manifest's `temperature` and `calibration_images` mean, as part of a sentence."""
    if temperature is None:
        return "not fitted, there were no held-out images; probabilities are those of the network"
    if not images:
        return f"not fitted, fewer than {MIN_CALIBRATION_IMAGES} images were held out; the temperature stays 1"
    return f"temperature {temperature:.3f}, fitted on {images} held-out images"


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
