"""Curves for TensorBoard, an extra: `pip install -r requirements/tensorboard.txt`."""

from pathlib import Path

import numpy as np

from service.errors import Fault
from training.run import Epoch

FOLDER = "tensorboard"


class NoTensorBoard(Fault):
    """TensorBoard is asked for and not installed."""

    code = "no_tensorboard"


class Curves:
    """Writes each finished epoch of a run as an event file below the run's folder; one that goes on adds another."""

    def __init__(self, run_dir: Path) -> None:
        try:
            from tensorboard.summary import Writer
        except ImportError as error:
            raise NoTensorBoard(
                f"--tensorboard needs the extra: pip install --require-hashes -r requirements/tensorboard.txt ({error})"
            ) from error
        self._writer = Writer(str(run_dir / FOLDER))

    def __call__(self, measured: Epoch) -> None:
        """Loss, accuracy and learning rate as scalars, by epoch."""
        for name, value in measured.items():
            if name != "epoch":
                self._writer.add_scalar(name, np.float32(value), step=int(measured["epoch"]))
        self._writer.flush()
