"""The trainable Keras model around a network: uint8 images in, logits out."""

import importlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from training.dataset import DataSet, UInt8
from training.recipe import Phase, Recipe

# A network that starts from what the pictures are like sees this many of them, spread over the split.
_SAMPLE = 2000


def build(recipe: Recipe, data_set: DataSet, train_images: UInt8, policy: str) -> keras.Model:
    """An untrained model under a Keras dtype policy; the same weights fit every policy.

    Takes uint8 `[N, H, W, C]`, scales it as the recipe says, returns float32 logits `[N, classes]`, or `[N, 1]` for a
    recipe of squared error.
    """
    keras.config.set_dtype_policy(policy)
    network = importlib.import_module(f"training.networks.{recipe.network}")
    image = keras.Input(data_set.input.shape, dtype="uint8", name="image")
    outputs = len(data_set.labels) if recipe.loss == "cross_entropy" else 1
    scaling = keras.layers.Rescaling(*_scale_and_offset(recipe, train_images))
    model = keras.Model(image, network.build(scaling(image), outputs, **recipe.network_options), name=recipe.name)
    if hasattr(network, "initialise"):
        sample = train_images[:: max(1, len(train_images) // _SAMPLE)][:_SAMPLE]
        network.initialise(model, keras.ops.convert_to_numpy(keras.ops.cast(scaling(sample), "float32")))
    return model


def _scale_and_offset(recipe: Recipe, train_images: UInt8) -> tuple[list[float], list[float]]:
    """Per channel; `Rescaling` casts to float first, so nothing wraps around in uint8."""
    if recipe.scaling == "standardised":
        mean = train_images.mean(axis=(0, 1, 2))
        deviation = np.maximum(train_images.std(axis=(0, 1, 2)), 1)
        return (1 / deviation).tolist(), (-mean / deviation).tolist()
    scale, offset = (1 / 255, 0.0) if recipe.scaling == "unit" else (2 / 255, -1.0)
    channels = train_images.shape[-1]
    return [scale] * channels, [offset] * channels


def optimizer(recipe: Recipe, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """The Keras optimiser of a recipe; its learning rate follows the step count, so a resumed run goes on as it was."""
    chosen = recipe.optimizer
    rate = _learning_rate(recipe, steps_per_epoch)
    if chosen.name == "sgd":
        return keras.optimizers.SGD(
            rate, momentum=chosen.momentum, nesterov=chosen.momentum > 0, weight_decay=chosen.weight_decay or None
        )
    if chosen.name == "rmsprop":
        return keras.optimizers.RMSprop(rate, momentum=chosen.momentum, weight_decay=chosen.weight_decay or None)
    if chosen.name == "adam":
        return keras.optimizers.Adam(rate, weight_decay=chosen.weight_decay or None)
    return keras.optimizers.AdamW(rate, weight_decay=chosen.weight_decay)


class Phases(keras.optimizers.schedules.LearningRateSchedule):
    """Schedules that follow one another, each from its first step on."""

    def __init__(self, schedules: Mapping[int, keras.optimizers.schedules.LearningRateSchedule]) -> None:
        self._schedules = dict(schedules)

    def __call__(self, step: Any) -> Any:  # noqa: ANN401  a tensor of the backend
        """The rate of a step, counted from 0."""
        rate = 0.0
        for first, schedule in self._schedules.items():
            # Before its first step a schedule is asked for that one: it need not know of negative steps.
            own = schedule(keras.ops.maximum(step - first, 0))
            rate = keras.ops.where(step >= first, own, rate)
        return rate


def _learning_rate(recipe: Recipe, steps_per_epoch: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    first = {phase.first * steps_per_epoch: phase for phase in recipe.phases}
    if recipe.optimizer.schedule == "constant":
        if len(first) == 1:
            return recipe.optimizer.learning_rate
        # Its boundaries are the last steps of a rate.
        boundaries = [step - 1 for step in first if step]
        rates = [phase.learning_rate for phase in first.values()]
        return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, rates)
    cycles = {step: _one_cycle(phase, recipe.optimizer.warmup, steps_per_epoch) for step, phase in first.items()}
    return cycles[0] if len(cycles) == 1 else Phases(cycles)


def _one_cycle(phase: Phase, warmup: float, steps_per_epoch: int) -> keras.optimizers.schedules.CosineDecay:
    steps = phase.epochs * steps_per_epoch
    warmup_steps = max(1, round(warmup * steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=phase.learning_rate,
        warmup_steps=warmup_steps,
        decay_steps=max(1, steps - warmup_steps),
    )
