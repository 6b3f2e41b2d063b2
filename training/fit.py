"""Training: from a recipe's first step to its last, or on from where an earlier call was stopped."""

import math
import time
from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from training import backend, interruption, model, spread
from training.augment import augment
from training.dataset import DataSet, Split
from training.lookahead import Lookahead
from training.progress import Progress
from training.recipe import Recipe
from training.run import Checkpoint, Epoch, Run
from training.spread import Share


class Batches(keras.utils.PyDataset):
    """One epoch of augmented batches; order and augmentation depend on seed, epoch and batch number alone."""

    def __init__(self, split: Split, classes: int, recipe: Recipe, seed: int, epoch: int, share: Share) -> None:
        # More than one: then batches are made beside the steps, in threads, and still come in their order.
        super().__init__(workers=2)
        self._split, self._recipe, self._key, self._share = split, recipe, (seed, epoch), share
        self._augmentation = recipe.phase(epoch).augmentation
        self._order = np.random.default_rng(self._key).permutation(len(split.labels))
        self._mirrored = (np.random.default_rng(seed).random(len(split.labels)) < 0.5) ^ (epoch % 2 == 1)
        self._classes = classes

    def __len__(self) -> int:
        whole, rest = divmod(len(self._order), self._recipe.batch_size)
        # A rest too small for a picture on each device would be an empty batch, whose mean is no number.
        return whole + (rest >= self._share.devices)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Images uint8 `[N, H, W, C]`; labels float32, one-hot `[N, classes]` or for squared error `[N, 1]`."""
        size = self._recipe.batch_size
        chosen = self._order[index * size : (index + 1) * size]
        random = np.random.default_rng((*self._key, index))
        images = augment(self._split.images[chosen], self._augmentation, self._mirrored[chosen], random)
        images, labels = self._own(images), self._own(self._split.labels[chosen])
        if self._recipe.loss == "squared_error":
            return images, labels[:, None].astype(np.float32)
        return images, np.eye(self._classes, dtype=np.float32)[labels]

    def _own(self, batch: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The share of this process in a batch; a rest that does not divide by all devices is left out."""
        process, processes, devices = self._share
        return batch[: len(batch) // devices * devices][process::processes]


def fit(
    run: Run, data_set: DataSet, train: Split, validation: Split, progress: Progress, share: Share
) -> tuple[keras.Model, list[Epoch]]:
    """Trains the run to its last epoch, with a checkpoint after each; returns the model and the history.

    The same seed, backend, device and versions give the same weights, however often the run was stopped.
    """
    recipe = run.recipe
    policy = backend.precision(recipe.precision)
    with spread.over(share):
        keras.utils.set_random_seed(run.seed)
        spread.check_batch(share, recipe.batch_size)
        trained = model.build(recipe, data_set, train.images, policy)
        _compile(trained, recipe, len(train.labels))
        # Has Keras make its metrics now: the first `fit` would take a batch for that, and on JAX give it out twice.
        trained.test_on_batch(*Batches(train, len(data_set.labels), recipe, run.seed, 0, share)[0])
        done = run.load()
        history = restore(trained, done) if done else []
        progress.start(run, device=_told(share), policy=policy, done=len(history))
        with spread.alone():
            judge = trained if share.devices == 1 else model.build(recipe, data_set, train.images, policy)
        for epoch in range(len(history), recipe.epochs):
            batches = Batches(train, len(data_set.labels), recipe, run.seed, epoch, share)
            measured = _one_epoch(trained, batches, _callbacks(recipe, epoch, len(batches), progress))
            values = [_array(variable) for variable in _variables(trained)]
            measured |= _judged(judge, values, validation)
            history.append({"epoch": epoch + 1, **measured})
            if share.leads:
                run.save(Checkpoint(values, history))
            progress.on_epoch(history[-1])
    load_weights(judge, Checkpoint([_array(variable) for variable in trained.variables], history))
    return judge, history


def _told(share: Share) -> str:
    """The device, or how many of them and of what processes."""
    if share.devices == 1:
        return backend.device()
    return f"{backend.device()} and {share.devices - 1} more, process {share.process + 1} of {share.processes}"


def _judged(judge: keras.Model, values: Sequence[NDArray[np.generic]], validation: Split) -> dict[str, float]:
    """Loss and accuracy on the held-out images, by a model of this process alone: its answers are all here."""
    if not len(validation.labels):
        return {}
    with spread.alone():
        load_weights(judge, Checkpoint(values, []))
        loss, accuracy = measure(judge, validation)
    return {"val_loss": loss, "val_accuracy": accuracy}


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
    steps_per_epoch = math.ceil(train_images / recipe.batch_size)
    trained.compile(
        optimizer=model.optimizer(recipe, steps_per_epoch),
        loss=_loss(recipe),
        metrics=[_accuracy(recipe)],
        # XLA on the CPU measured 4 times slower than TensorFlow's own kernels for these networks.
        jit_compile="auto",
        # Fewer returns to Python: a quarter less time for the small MLPs, and the same weights.
        steps_per_execution=recipe.optimizer.lookahead_steps or 10,
    )
    trained.optimizer.build(trained.trainable_variables)


def _callbacks(recipe: Recipe, epoch: int, steps: int, progress: Progress) -> list[keras.callbacks.Callback]:
    bar = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: progress.on_batch(batch + 1, steps, logs)
    )
    if not recipe.optimizer.lookahead_steps:
        return [bar]
    phase = recipe.phase(epoch)
    return [bar, Lookahead(recipe.optimizer.lookahead_steps, steps * phase.first, steps * phase.epochs)]


def _one_epoch(trained: keras.Model, batches: Batches, callbacks: list[keras.callbacks.Callback]) -> dict[str, float]:
    started = time.perf_counter()
    with interruption.heeded() as check:
        callbacks = [*callbacks, keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: check())]
        logs = trained.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=callbacks).history
    return {
        **{name: float(logs[name][0]) for name in ("loss", "accuracy")},
        "learning_rate": float(trained.optimizer.learning_rate),
        "seconds": round(time.perf_counter() - started, 2),
    }


def _loss(recipe: Recipe) -> keras.losses.Loss:
    if recipe.loss == "squared_error":
        return keras.losses.MeanSquaredError()
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)


def _accuracy(recipe: Recipe) -> keras.metrics.Metric:
    if recipe.loss == "cross_entropy":
        return keras.metrics.CategoricalAccuracy(name="accuracy")
    # A number is right if it rounds to the label.
    return keras.metrics.MeanMetricWrapper(
        lambda truth, number: keras.ops.cast(keras.ops.abs(number - truth) < 0.5, "float32"), name="accuracy"
    )


def measure(trained: keras.Model, split: Split) -> tuple[float, float]:
    """Loss and accuracy, without augmentation or label smoothing.

    Cross-entropy in nats, or for a model with one output the squared error, whose number is right if, clipped to the
    labels' range, it rounds to the label.
    """
    outputs = predict(trained, split)
    if outputs.shape[1] == 1:
        numbers, truth = outputs[:, 0], split.labels.astype(np.float32)
        right = np.rint(np.clip(numbers, truth.min(), truth.max())) == truth
        return float(((numbers - truth) ** 2).mean()), float(right.mean())
    likelihoods = outputs - np.logaddexp.reduce(outputs, axis=1, keepdims=True)
    loss = -likelihoods[np.arange(len(outputs)), split.labels].mean()
    return float(loss), float((outputs.argmax(axis=1) == split.labels).mean())


def predict(trained: keras.Model, split: Split) -> NDArray[np.float32]:
    """Outputs float32 `[N, classes]`, logits for all recipes but those of squared error."""
    return np.asarray(trained.predict(split.images, batch_size=500, verbose=0), np.float32)


def _variables(trained: keras.Model) -> list[keras.Variable]:
    return [*trained.variables, *trained.optimizer.variables]


def _array(variable: keras.Variable) -> NDArray[np.generic]:
    return np.asarray(keras.ops.convert_to_numpy(variable.value))
