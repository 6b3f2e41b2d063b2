"""Training: one `model.fit` from a recipe's first step to its last, or on from where an earlier call was stopped."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from training import backend, callbacks, model, objective
from training.augmentation import Augment
from training.dataset import DataSet, Split, UInt8
from training.recipe import Recipe
from training.run import Checkpoint, Epoch, Run


class Batches(keras.utils.PyDataset):
    """The batches of a training: their order depends on seed and epoch alone.

    Where the recipe mirrors, half of the pictures have left and right swapped, in the next epoch the other half
    (Jordan 2024, arXiv 2404.00498). Pictures at the end of an epoch that do not divide by the number of `devices` are
    left out.
    """

    def __init__(
        self, split: Split, classes: int, recipe: Recipe, seed: int, first_epoch: int, devices: int = 1
    ) -> None:
        super().__init__()
        self._split, self._recipe, self._classes, self._seed = split, recipe, classes, seed
        self._used = _divisible(len(split.labels), devices)
        self.begin(first_epoch)

    def begin(self, epoch: int) -> None:
        """Goes on to an epoch, counted from 0."""
        count = len(self._split.labels)
        self._order = np.random.default_rng((self._seed, epoch)).permutation(count)
        is_mirrored = (np.random.default_rng(self._seed).random(count) < 0.5) ^ (epoch % 2 == 1)
        self._is_mirrored = is_mirrored & self._recipe.phase(epoch).augmentation.mirror

    def __len__(self) -> int:
        return math.ceil(self._used / self._recipe.batch_size)

    def __getitem__(self, index: int) -> tuple[UInt8, NDArray[np.float32]]:
        """Images uint8 `[N, H, W, C]`; labels float32, one-hot `[N, classes]` or for squared error `[N, 1]`."""
        size = self._recipe.batch_size
        chosen = self._order[: self._used][index * size : (index + 1) * size]
        images = self._split.images[chosen]
        images = np.where(self._is_mirrored[chosen, None, None, None], images[:, :, ::-1], images)
        return images, objective.targets(self._recipe, self._split.labels[chosen], self._classes)


class _Trainee(NamedTuple):
    """A compiled model and its parts: augmentation in front of the network that is exported."""

    compiled: keras.Model
    augmentation: Augment
    network: keras.Model

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that a checkpoint holds; the network's first."""
        return [*self.network.variables, *self.augmentation.variables, *self.compiled.optimizer.variables]


def fit(
    run: Run, data_set: DataSet, train: Split, validation: Split, *, tensorboard: bool = False
) -> tuple[keras.Model, list[Epoch]]:
    """Trains the run to its last epoch, with a checkpoint after each; returns the network and the history.

    The same seed, backend, device and versions give the same weights, however often the run was stopped; a run goes on
    in the precision that it began with.
    """
    recipe, done = run.recipe, run.load()
    precision = done.precision if done else backend.precision(recipe.precision)
    history = list(done.history) if done else []
    with _on_all_devices(recipe.batch_size) as devices:
        keras.utils.set_random_seed(run.seed)
        batches = Batches(train, len(data_set.labels), recipe, run.seed, len(history), devices)
        trainee = _compiled(run, data_set, train, precision, len(batches))
        if done:
            _assign(trainee.variables, done.variables)

        def save(history: list[Epoch]) -> None:
            run.save(Checkpoint([_array(variable) for variable in trainee.variables], history, precision))

        with callbacks.Display(recipe.epochs, len(batches)) as display:
            display.begin(run, backend.devices(), precision, len(history))
            called = _callbacks(trainee, recipe, batches)
            called += [callbacks.tensorboard(run.folder)] if tensorboard else []
            called += [callbacks.Checkpoints(history, save), display]
            held_out = _targeted(recipe, validation, len(data_set.labels), devices)
            _fit(trainee, batches, held_out, recipe, len(history), called)
    return trainee.network, history


def _compiled(run: Run, data_set: DataSet, train: Split, precision: str, steps_per_epoch: int) -> _Trainee:
    recipe = run.recipe
    network = model.build(recipe, data_set, train.images, precision)
    augmentation = Augment([phase.augmentation for phase in recipe.phases], run.seed)
    compiled = keras.Sequential([keras.Input(data_set.input.shape, dtype="uint8"), augmentation, network])
    compiled.compile(
        optimizer=model.optimizer(recipe, steps_per_epoch),
        loss=objective.loss(recipe),
        metrics=[keras.metrics.MeanMetricWrapper(objective.right(recipe, len(data_set.labels)), name="accuracy")],
        # Fewer returns to Python: a quarter less time for the small MLPs, and the same weights.
        steps_per_execution=recipe.optimizer.lookahead_steps or 10,
    )
    compiled.optimizer.build(compiled.trainable_variables)
    return _Trainee(compiled, augmentation, network)


def _callbacks(trainee: _Trainee, recipe: Recipe, batches: Batches) -> list[keras.callbacks.Callback]:
    def begin(epoch: int) -> None:
        batches.begin(epoch)
        trainee.augmentation.set_phase(recipe.phase(epoch).augmentation)

    called: list[keras.callbacks.Callback] = [callbacks.EpochBegin(begin)]
    if every := recipe.optimizer.lookahead_steps:
        called.append(
            callbacks.Lookahead(
                trainee.network, lambda epoch: callbacks.pull_of(every, recipe.phase(epoch), len(batches))
            )
        )
    return called


def _fit(
    trainee: _Trainee,
    batches: Batches,
    validation: tuple[UInt8, NDArray[np.float32]] | None,
    recipe: Recipe,
    first_epoch: int,
    called: list[keras.callbacks.Callback],
) -> None:
    if first_epoch == recipe.epochs:
        return
    interruption = callbacks.Interruption()
    try:
        trainee.compiled.fit(
            batches,
            validation_data=validation,
            validation_batch_size=recipe.batch_size,  # divides by the number of devices
            epochs=recipe.epochs,
            initial_epoch=first_epoch,
            callbacks=[*called, interruption],
            shuffle=False,
            verbose=0,
        )
    finally:
        interruption.release()


def _targeted(recipe: Recipe, split: Split, classes: int, devices: int) -> tuple[UInt8, NDArray[np.float32]] | None:
    """Images and targets, as many as divide by the number of devices, or None if there are none."""
    used = _divisible(len(split.labels), devices)
    return (split.images[:used], objective.targets(recipe, split.labels[:used], classes)) if used else None


def _divisible(count: int, devices: int) -> int:
    return count // devices * devices


@contextmanager
def _on_all_devices(batch_size: int) -> Iterator[int]:
    """Divides each batch among the devices of this machine, where JAX has several; yields how many take part.

    As many as the batch can be divided among.
    """
    devices = keras.distribution.list_devices() if backend.name() == "jax" else []
    devices = devices[: math.gcd(batch_size, len(devices))]
    if len(devices) < 2:
        yield 1
        return
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
    try:
        yield len(devices)
    finally:
        keras.distribution.set_distribution(None)


def load_weights(untrained: keras.Model, checkpoint: Checkpoint) -> None:
    """Puts a checkpoint's weights into a network built anew, in any precision."""
    _assign(untrained.variables, checkpoint.variables[: len(untrained.variables)])


def _assign(variables: Sequence[keras.Variable], values: Sequence[NDArray[np.generic]]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def measure(trained: keras.Model, split: Split) -> tuple[float, float]:
    """Loss and accuracy, without augmentation or label smoothing.

    Cross-entropy in nats, or for a model with one output the squared error, whose number is right if, clipped to the
    labels' range, it rounds to the label.
    """
    outputs = predict(trained, split.images)
    if outputs.shape[1] == 1:
        numbers, truth = outputs[:, 0], split.labels.astype(np.float32)
        right = np.rint(np.clip(numbers, truth.min(), truth.max())) == truth
        return float(((numbers - truth) ** 2).mean()), float(right.mean())
    likelihoods = outputs - np.logaddexp.reduce(outputs, axis=1, keepdims=True)
    loss = -likelihoods[np.arange(len(outputs)), split.labels].mean()
    return float(loss), float((outputs.argmax(axis=1) == split.labels).mean())


def predict(trained: keras.Model, images: UInt8) -> NDArray[np.float32]:
    """Outputs float32 `[N, classes]`, logits for all recipes but those of squared error."""
    return np.asarray(trained.predict(images, batch_size=500, verbose=0), np.float32)


def _array(variable: keras.Variable) -> NDArray[np.generic]:
    return np.asarray(keras.ops.convert_to_numpy(variable.value))
