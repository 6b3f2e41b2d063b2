"""Training: from a recipe's first step to its last, or on from where an earlier call was stopped."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training import backend, model
from training.augment import augment
from training.dataset import DataSet, Split
from training.progress import Progress
from training.recipe import Recipe
from training.run import Checkpoint, Run


class Batches(keras.utils.PyDataset):
    """One epoch of augmented batches; order and augmentation depend on seed, epoch and batch number alone."""

    def __init__(self, split: Split, recipe: Recipe, seed: int, epoch: int) -> None:
        super().__init__()
        self._split, self._recipe, self._key = split, recipe, (seed, epoch)
        self._order = np.random.default_rng(self._key).permutation(len(split.labels))
        self._classes = int(split.labels.max()) + 1

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._recipe.batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Images uint8 `[N, H, W, C]` and one-hot labels float32 `[N, classes]`."""
        size = self._recipe.batch_size
        chosen = self._order[index * size : (index + 1) * size]
        random = np.random.default_rng((*self._key, index))
        images = augment(self._split.images[chosen], self._recipe.augmentation, random)
        return images, np.eye(self._classes, dtype=np.float32)[self._split.labels[chosen]]


def fit(run: Run, data_set: DataSet, train: Split, validation: Split, progress: Progress) -> keras.Model:
    """Trains the run to its last epoch, with a checkpoint after each, and returns the model.

    The same seed, backend, device and versions give the same weights, however often the run was stopped.
    """
    recipe = run.recipe
    keras.utils.set_random_seed(run.seed)
    trained = model.build(recipe, data_set, train.images, backend.precision(recipe.precision))
    _compile(trained, recipe, len(train.labels))
    done = run.load()
    history = restore(trained, done) if done else []
    progress.start(run, device=backend.device(), policy=keras.config.dtype_policy().name, done=len(history))
    for epoch in range(len(history), recipe.epochs):
        measured = _one_epoch(trained, Batches(train, recipe, run.seed, epoch), validation, progress.on_batch)
        history.append({"epoch": epoch + 1, **measured})
        run.save(Checkpoint([_array(variable) for variable in _variables(trained)], history))
        progress.on_epoch(history[-1])
    return trained


def restore(trained: keras.Model, checkpoint: Checkpoint) -> list[dict[str, float]]:
    """Puts a checkpoint's values into a compiled model and its optimiser; returns the history so far."""
    for variable, value in zip(_variables(trained), checkpoint.variables, strict=True):
        variable.assign(value)
    return list(checkpoint.history)


def load_weights(untrained: keras.Model, checkpoint: Checkpoint) -> None:
    """Puts a checkpoint's weights into a model built anew, under any policy; the optimiser's part is left out."""
    for variable, value in zip(untrained.variables, checkpoint.variables, strict=False):
        variable.assign(value)


def _compile(trained: keras.Model, recipe: Recipe, train_images: int) -> None:
    steps = recipe.epochs * math.ceil(train_images / recipe.batch_size)
    trained.compile(
        optimizer=model.optimizer(recipe.optimizer, steps),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        # XLA on the CPU measured 4 times slower than TensorFlow's own kernels for these networks.
        jit_compile="auto",
    )
    trained.optimizer.build(trained.trainable_variables)


def _one_epoch(
    trained: keras.Model, batches: Batches, validation: Split, on_batch: Callable[[int, int, dict[str, Any]], None]
) -> dict[str, float]:
    steps = len(batches)
    bar = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: on_batch(batch + 1, steps, logs))
    logs = trained.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[bar]).history
    loss, accuracy = measure(trained, validation)
    return {
        "loss": float(logs["loss"][0]),
        "accuracy": float(logs["accuracy"][0]),
        "val_loss": loss,
        "val_accuracy": accuracy,
        "learning_rate": float(trained.optimizer.learning_rate),
    }


def measure(trained: keras.Model, split: Split) -> tuple[float, float]:
    """Cross-entropy in nats and accuracy, without augmentation or label smoothing."""
    logits = predict(trained, split)
    likelihoods = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    loss = -likelihoods[np.arange(len(logits)), split.labels].mean()
    return float(loss), float((logits.argmax(axis=1) == split.labels).mean())


def predict(trained: keras.Model, split: Split) -> NDArray[np.float32]:
    """Logits float32 `[N, classes]`."""
    return np.asarray(trained.predict(split.images, batch_size=500, verbose=0), np.float32)


def _variables(trained: keras.Model) -> list[keras.Variable]:
    return [*trained.variables, *trained.optimizer.variables]


def _array(variable: keras.Variable) -> NDArray[np.generic]:
    return np.asarray(keras.ops.convert_to_numpy(variable.value))
