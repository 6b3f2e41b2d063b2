"""Calibrated probabilities: how logits are scaled, and the in-distribution threshold, from held-out logits."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

# This part of the held-out images counts as in distribution.
_IN_DISTRIBUTION = 0.99
# Of the predicted label, in log-odds: where another slope begins. Below the first nothing changes, so that no other
# label can come to the top.
KNOTS = tuple(math.log(probability / (1 - probability)) for probability in (0.5, 0.8, 0.95))
# Standard deviation of the Gaussian prior around 1 of all factors by which logits grow: 1 / temperature and slopes.
# A hundred images, all of them answered rightly, give probabilities near 0.99; thousands of images outweigh it.
PRIOR_DEVIATION = 0.5
_TEMPERATURES = (0.05, 20.0)
_MIN_SLOPE = 0.05
# With fewer images nothing is fitted: a network that is wrong one time in ten may well be right on all of these
# (0.9 ** 30 is 4 %), so they cannot tell whether it is too sure.
MIN_CALIBRATION_IMAGES = 30


class Scaling(NamedTuple):
    """How a network's logits are calibrated: divided by `temperature`, then the predicted label's is moved.

    A single temperature leaves a network that was trained with smoothed labels too sure around 0.9. So the log-odds of
    the predicted label become piecewise linear in what they were, with a slope from each of KNOTS on. Labels keep their
    order, and the energy stays the same.
    """

    temperature: float = 1.0
    slopes: tuple[float, ...] = (1.0,) * len(KNOTS)


class Calibration(NamedTuple):
    """How logits are scaled; an image is in distribution if its energy reaches `energy_threshold`.

    `images` is the number of images on which the scaling was fitted; 0 where there were fewer than
    MIN_CALIBRATION_IMAGES, so that it changes nothing.
    """

    scaling: Scaling
    energy_threshold: float
    images: int


def calibrate(
    logits: NDArray[np.float32], labels: NDArray[np.uint8], changed: NDArray[np.float32] | None = None
) -> Calibration:
    """Fits all on logits `[N, classes]` of images that were not trained on.

    `changed` are logits of the same images as training augments them: they count for the threshold too, so that an
    image in other light or on another background, which the model has learnt, is not flagged.
    """
    enough = len(labels) >= MIN_CALIBRATION_IMAGES
    scaling = _fit(logits, labels) if enough else Scaling()
    every = logits if changed is None else np.concatenate([logits, changed])
    energies = special.logsumexp(every / scaling.temperature, axis=1)
    threshold = float(np.quantile(energies, 1 - _IN_DISTRIBUTION))
    return Calibration(scaling, threshold, len(labels) if enough else 0)


def _fit(logits: NDArray[np.float32], labels: NDArray[np.uint8]) -> Scaling:
    temperature = fit_temperature(logits, labels)
    return Scaling(temperature, _fit_slopes(logits / temperature, labels))


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """The most likely temperature (Guo et al. 2017, arXiv 1706.04599) under the prior, between 0.05 and 20."""
    exact = logits.astype(np.float64)

    def loss(log_temperature: float) -> float:
        factor = math.exp(-log_temperature)
        log_probabilities = special.log_softmax(exact * factor, axis=1)[np.arange(len(labels)), labels]
        return float((factor - 1) ** 2 / (2 * PRIOR_DEVIATION**2) - log_probabilities.sum())

    found = optimize.minimize_scalar(loss, bounds=np.log(_TEMPERATURES), method="bounded", options={"xatol": 1e-5})
    return math.exp(found.x)


def _fit_slopes(logits: NDArray[np.float32], labels: NDArray[np.uint8]) -> tuple[float, ...]:
    """The most likely slopes: logistic regression of being right on the parts of the log-odds, a convex problem."""
    odds = _odds(logits)
    right = (logits.argmax(axis=1) == labels)[odds > 0]
    parts = _parts(odds[odds > 0])

    def loss_and_gradient(slopes: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scaled, from_prior = parts @ slopes, (slopes - 1) / PRIOR_DEVIATION
        loss = np.logaddexp(0, scaled).sum() - scaled[right].sum() + from_prior @ from_prior / 2
        return float(loss), parts.T @ (special.expit(scaled) - right) + from_prior / PRIOR_DEVIATION

    bounds = [(_MIN_SLOPE, None)] * len(KNOTS)
    found = optimize.minimize(loss_and_gradient, np.ones(len(KNOTS)), jac=True, method="L-BFGS-B", bounds=bounds)
    return tuple(found.x.tolist())


def _odds(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """The log-odds of each row's largest logit, `[N]`."""
    largest_last = np.sort(logits.astype(np.float64), axis=1)
    return np.asarray(largest_last[:, -1] - special.logsumexp(largest_last[:, :-1], axis=1))


def _parts(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of each value lies between a knot and the next, `[N, KNOTS]`."""
    return np.clip(odds[:, None], KNOTS, (*KNOTS[1:], np.inf)) - KNOTS


def unscaled(logits: NDArray[np.float32], scaling: Scaling) -> NDArray[np.float32]:
    """Logits before scaling, up to a constant a row, which does not change their softmax."""
    scaled = _odds(logits)
    # The scaled knots; between them the inverse slopes lead back.
    moved = np.cumsum([0.0, *(np.diff(KNOTS) * scaling.slopes[:-1])])
    parts = np.clip(scaled[:, None], moved, (*moved[1:], np.inf)) - moved
    before = np.where(scaled > 0, parts @ (1 / np.asarray(scaling.slopes)), scaled)
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
