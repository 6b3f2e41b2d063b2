"""Whole epochs on a device: the pictures lie there and are changed there, and one call computes an epoch.

By JAX. Elsewhere, on several devices, and where the pictures do not fit, `training.batches` are made beside the steps.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras

from training import batches, objective
from training.augment import augment
from training.augmentations.draws import KeyedDraws
from training.dataset import Split
from training.lookahead import Pull, pull_of
from training.recipe import Phase, Recipe

# Arrays of JAX, or what it traces.
Array = Any


class State(NamedTuple):
    """The values of a model's and its optimiser's variables."""

    trainable: list[Array]
    others: list[Array]
    slots: list[Array]


class Told(NamedTuple):
    """Of the pictures of a step or an epoch: the sum of their losses, and how many were answered right."""

    loss: Array
    right: Array


class Epochs:
    """Those of one run, by a compiled model, which holds what came of each when it is done."""

    def __init__(self, trained: keras.Model, recipe: Recipe, split: Split, classes: int, seed: int) -> None:
        self._trained, self._recipe, self._seed = trained, recipe, seed
        self._images = jnp.asarray(split.images)
        self._targets = jnp.asarray(objective.targets(recipe, split.labels, classes))
        self._loss, self._right = objective.loss(recipe), objective.right(recipe)
        # What an epoch begins with is not needed after it: its room is used for what comes of it. Pictures are
        # arguments, for what a traced function only refers to becomes a part of each program that is compiled.
        self._epoch = jax.jit(self._traced, static_argnames="phase", donate_argnums=0)

    def run(self, epoch: int) -> dict[str, float]:
        """Trains one, counted from 0; its mean loss and accuracy, on the changed pictures and while weights change."""
        places, mirrored = batches.order(len(self._images), self._seed, epoch)
        key = jax.random.fold_in(jax.random.key(self._seed), epoch)
        done = int(self._trained.optimizer.iterations)
        state, told = self._epoch(
            self._read(), self._images, self._targets, places, mirrored, key, done, phase=self._recipe.phase(epoch)
        )
        self._write(state)
        return {"loss": float(told.loss) / len(places), "accuracy": float(told.right) / len(places)}

    def _read(self) -> State:
        return State(*([variable.value for variable in variables] for variables in self._variables()))

    def _write(self, state: State) -> None:
        for variables, values in zip(self._variables(), state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def _variables(self) -> tuple[list[keras.Variable], ...]:
        model = self._trained
        return model.trainable_variables, model.non_trainable_variables, model.optimizer.variables

    def _traced(
        self,
        state: State,
        images: Array,
        targets: Array,
        places: Array,
        mirrored: Array,
        key: Array,
        done: Array,
        *,
        phase: Phase,
    ) -> tuple[State, Told]:
        """An epoch: its whole batches in a loop of the device, and what is left in one more step."""
        size = self._recipe.batch_size
        whole, rest = divmod(len(places), size)
        steps = whole + bool(rest)
        pull = pull_of(self._recipe, phase, steps)

        def step(carried: tuple[State, State], index: Array, chosen: Array) -> tuple[tuple[State, State], Told]:
            fast, slow = carried
            random = KeyedDraws(jax.random.fold_in(key, index))
            # Float32 in full, where a GPU would round what it multiplies: these are pixels.
            with jax.default_matmul_precision("highest"):
                changed = augment(images[chosen], phase.augmentation, mirrored[chosen], random)
            fast, told = self._step(fast, changed, targets[chosen])
            if pull:
                fast, slow = _pulled_back(pull, fast, slow, index + 1, steps, done)
            return (fast, slow), told

        begun = (state, state._replace(slots=[]) if pull else State([], [], []))
        batched = places[: whole * size].reshape(whole, size)
        carried, told = jax.lax.scan(lambda carried, at: step(carried, *at), begun, (jnp.arange(whole), batched))
        sums = Told(told.loss.sum(), told.right.sum())
        if rest:
            carried, last = step(carried, jnp.asarray(whole), places[whole * size :])
            sums = Told(sums.loss + last.loss, sums.right + last.right)
        return carried[0], sums

    def _step(self, state: State, images: Array, targets: Array) -> tuple[State, Told]:
        def loss_of(trainable: list[Array]) -> tuple[Array, tuple[Array, list[Array]]]:
            outputs, others, penalties = self._trained.stateless_call(
                trainable, state.others, images, training=True, return_losses=True
            )
            return self._loss(targets, outputs) + sum(penalties), (outputs, others)

        (loss, (outputs, others)), gradients = jax.value_and_grad(loss_of, has_aux=True)(state.trainable)
        trainable, slots = self._trained.optimizer.stateless_apply(state.slots, gradients, state.trainable)
        told = Told(loss * len(images), self._right(targets, outputs).sum())
        return State(trainable, others, slots), told


def _pulled_back(pull: Pull, fast: State, slow: State, step: Array, steps: int, done: Array) -> tuple[State, State]:
    """Both after a step, counted from 1, of the `steps` of an epoch that `done` steps came before; see `lookahead`."""
    kept = pull.kept(done + step)

    def averaged(fast: Array, slow: Array) -> Array:
        return kept * slow + (1 - kept) * fast if jnp.issubdtype(fast.dtype, jnp.floating) else fast

    def pulled() -> tuple[State, State]:
        both = jax.tree.map(averaged, fast._replace(slots=[]), slow)
        return both._replace(slots=fast.slots), both

    return jax.lax.cond((step % pull.every == 0) | (step == steps), pulled, lambda: (fast, slow))
