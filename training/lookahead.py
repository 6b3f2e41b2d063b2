"""Lookahead: the weights that train are pulled back, every few steps, to a slow average of themselves."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

# The slow weights forget by this much a step when the run ends; at its start they are the fast ones.
_KEPT_A_STEP = 0.95


class Lookahead(keras.callbacks.Callback):
    """Averages weights and the statistics of batch normalisation after each execution of `steps_per_execution` steps.

    With t of T steps done, from `first_step` on, the slow weights keep 0.95 ** steps · (t / T)³ of what they were, and
    the fast ones start again from there (Zhang et al. 2019, arXiv 1907.08610; the rising weight is airbench's, Jordan
    2024, arXiv 2404.00498). As the last execution of an epoch ends with it, the slow weights need no place in a
    checkpoint.
    """

    def __init__(self, steps: int, first_step: int, total_steps: int) -> None:
        super().__init__()
        self._kept, self._first_step, self._total_steps = _KEPT_A_STEP**steps, first_step, total_steps
        self._slow: list[Any] = []

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """The slow weights start where the epoch does."""
        self._slow = [ops.copy(variable.value) for variable in self._averaged()]

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keras calls this once an execution."""
        done = (float(self.model.optimizer.iterations) - self._first_step) / self._total_steps
        kept = self._kept * done**3
        for index, variable in enumerate(self._averaged()):
            self._slow[index] = kept * self._slow[index] + (1 - kept) * variable.value
            # A copy: JAX gives a variable's own array away to the next step.
            variable.assign(ops.copy(self._slow[index]))

    def _averaged(self) -> list[keras.Variable]:
        return [variable for variable in self.model.variables if "float" in variable.dtype]
