"""Measuring an exported version with the engines that will serve it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.inference import engines
from service.inference.engines import Output
from service.manifest import EngineName
from training.calibrate import expected_calibration_error
from training.dataset import Split

# Of a LiteRT file.
Weights = Literal["int8", "float32"]


class Measured(NamedTuple):
    """What an engine gave on a split; `output` in the split's order."""

    accuracy: float
    calibration_error: float
    output: Output


class Exported(NamedTuple):
    """The weights of the LiteRT file, if there is one, and what each engine gave on the test split."""

    weights: Weights
    measured: Mapping[EngineName, Measured]

    @property
    def engine(self) -> EngineName:
        """The engine that serves where nobody asks for one."""
        return "litert" if "litert" in self.measured else "tensorflow"


def measure(folder: Path, engine: EngineName, split: Split) -> Measured:
    """Runs a whole split through an engine, exactly as the service would."""
    output = engines.load(engine, folder, threads=1)(split.images)
    return Measured(
        accuracy=float((output.probabilities.argmax(axis=1) == split.labels).mean()),
        calibration_error=expected_calibration_error(output.probabilities, split.labels),
        output=output,
    )


def agreement(one: Output, other: Output) -> float:
    """The part of the pictures on which two engines name the same class."""
    return float((one.probabilities.argmax(axis=1) == other.probabilities.argmax(axis=1)).mean())


def largest_difference(one: Output, other: Output) -> float:
    """The largest difference in any probability."""
    return float(np.abs(one.probabilities - other.probabilities).max())


def confusion(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Counts `[classes, classes]`: rows are the true classes, columns the predicted ones."""
    classes = probabilities.shape[1]
    pairs = labels.astype(np.int64) * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
