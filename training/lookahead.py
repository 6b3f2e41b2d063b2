"""Lookahead: the weights that train are pulled back, every few steps, to a slow average of themselves."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
from keras import ops

from training.recipe import Phase, Recipe

# The slow weights forget by this much a step when the run ends; at its start they are the fast ones.
_KEPT_A_STEP = 0.95


class Pull(NamedTuple):
    """Every so many steps, and at the end of each epoch, by a weight that rises from `first_step` on."""

    every: int
    first_step: int
    total_steps: int

    def kept(self, steps_done: Any) -> Any:  # noqa: ANN401  a number, or a tensor
        """How much of the slow weights is left, from 0 to 1, when so many steps of the run are done.

        0.95 ** every · (t / T)³ with t of T steps done (Zhang et al. 2019, arXiv 1907.08610; the rising weight is
        airbench's, Jordan 2024, arXiv 2404.00498).
        """
        return _KEPT_A_STEP**self.every * ((steps_done - self.first_step) / self.total_steps) ** 3


def pull_of(recipe: Recipe, phase: Phase, steps_per_epoch: int) -> Pull | None:
    """What a recipe asks for in one of its phases."""
    every = recipe.optimizer.lookahead_steps
    return Pull(every, steps_per_epoch * phase.first, steps_per_epoch * phase.epochs) if every else None


class Lookahead(keras.callbacks.Callback):
    """Averages weights and the statistics of batch normalisation after each execution of `steps_per_execution` steps.

    The fast weights start again from the slow ones. As the last execution of an epoch ends with it, the slow weights
    need no place in a checkpoint.
    """

    def __init__(self, pull: Pull) -> None:
        super().__init__()
        self._pull = pull
        self._slow: list[Any] = []

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """The slow weights start where the epoch does."""
        self._slow = [ops.copy(variable.value) for variable in self._averaged()]

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keras calls this once an execution."""
        kept = self._pull.kept(float(self.model.optimizer.iterations))
        for index, variable in enumerate(self._averaged()):
            self._slow[index] = kept * self._slow[index] + (1 - kept) * variable.value
            # A copy: JAX gives a variable's own array away to the next step.
            variable.assign(ops.copy(self._slow[index]))

    def _averaged(self) -> list[keras.Variable]:
        return [variable for variable in self.model.variables if "float" in variable.dtype]
