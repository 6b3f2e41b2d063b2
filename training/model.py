"""The trainable Keras model around a network: uint8 images in, logits out."""

import importlib

import keras
import numpy as np

from training.dataset import DataSet, UInt8
from training.recipe import Optimizer, Recipe


def build(recipe: Recipe, data_set: DataSet, train_images: UInt8, policy: str) -> keras.Model:
    """An untrained model under a Keras dtype policy; the same weights fit every policy.

    Takes uint8 `[N, H, W, C]`, standardises each channel by the training images' mean and deviation, returns float32
    logits `[N, classes]`.
    """
    keras.config.set_dtype_policy(policy)
    network = importlib.import_module(f"training.networks.{recipe.network}")
    image = keras.Input(data_set.input.shape, dtype="uint8", name="image")
    logits = network.build(_standardised(image, train_images), len(data_set.labels), **recipe.network_options)
    return keras.Model(image, logits, name=recipe.name)


def _standardised(image: keras.KerasTensor, train_images: UInt8) -> keras.KerasTensor:
    mean = train_images.mean(axis=(0, 1, 2))
    deviation = np.maximum(train_images.std(axis=(0, 1, 2)), 1)
    scale, offset = 1 / deviation, -mean / deviation
    return keras.layers.Rescaling(scale.tolist(), offset.tolist())(image)


def optimizer(chosen: Optimizer, total_steps: int) -> keras.optimizers.Optimizer:
    """The Keras optimiser of a recipe; its learning rate follows the step count, so a resumed run goes on as it was."""
    rate = _learning_rate(chosen, total_steps)
    if chosen.name == "sgd":
        return keras.optimizers.SGD(
            rate, momentum=chosen.momentum, nesterov=chosen.momentum > 0, weight_decay=chosen.weight_decay or None
        )
    if chosen.name == "adam":
        return keras.optimizers.Adam(rate, weight_decay=chosen.weight_decay or None)
    return keras.optimizers.AdamW(rate, weight_decay=chosen.weight_decay)


def _learning_rate(chosen: Optimizer, total_steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if chosen.schedule == "constant":
        return chosen.learning_rate
    warmup_steps = max(1, round(chosen.warmup * total_steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=chosen.learning_rate,
        warmup_steps=warmup_steps,
        decay_steps=max(1, total_steps - warmup_steps),
    )
