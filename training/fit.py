"""Training: from a recipe's first step to its last, or on from where an earlier call was stopped."""

import math
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from training import backend, interruption, model, objective, spread
from training.batches import Batches
from training.dataset import DataSet, Split
from training.lookahead import Lookahead, pull_of
from training.progress import Progress
from training.recipe import Recipe
from training.run import Checkpoint, Epoch, Run, RunFault
from training.spread import Share

# In the history of a run whose pictures were changed on the device: there chance falls out otherwise.
_ON_DEVICE = "on_device"

# Trains one epoch, counted from 0; what was measured on the way.
EpochOf = Callable[[int], dict[str, float]]


def fit(
    run: Run,
    data_set: DataSet,
    train: Split,
    validation: Split,
    progress: Progress,
    share: Share,
    on_device: bool | None = None,
) -> tuple[keras.Model, list[Epoch]]:
    """Trains the run to its last epoch, with a checkpoint after each; returns the model and the history.

    The same seed, backend, device and versions give the same weights, however often the run was stopped. Pictures lie
    and are changed on the device where that is a GPU that has room for them, or as `on_device` says; a run goes on as
    it began. Raises NotSpread, or RunFault where it is to go on in another way.
    """
    recipe = run.recipe
    done = run.load()
    on_device = _stays(on_device, run, done, share, train)
    made = _on_device if on_device else _beside
    policy = backend.precision(recipe.precision)
    with spread.over(share):
        keras.utils.set_random_seed(run.seed)
        spread.check_batch(share, recipe.batch_size)
        trained = model.build(recipe, data_set, train.images, policy)
        _compile(trained, recipe, len(train.labels))
        one_epoch = made(trained, run, train, len(data_set.labels), share, progress)
        history = restore(trained, done) if done else []
        progress.start(run, device=_told(share), policy=policy, done=len(history))
        with spread.alone():
            judge = trained if share.devices == 1 else model.build(recipe, data_set, train.images, policy)
        for epoch in range(len(history), recipe.epochs):
            measured = _measured(trained, one_epoch, epoch)
            values = [_array(variable) for variable in _variables(trained)]
            measured |= _judged(judge, values, validation)
            history.append({"epoch": epoch + 1, **measured, **({_ON_DEVICE: 1.0} if on_device else {})})
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
        loss=objective.loss(recipe),
        metrics=[keras.metrics.MeanMetricWrapper(objective.right(recipe), name="accuracy")],
        # XLA on the CPU measured 4 times slower than TensorFlow's own kernels for these networks.
        jit_compile="auto",
        # Fewer returns to Python: a quarter less time for the small MLPs, and the same weights.
        steps_per_execution=recipe.optimizer.lookahead_steps or 10,
    )
    trained.optimizer.build(trained.trainable_variables)


def _stays(on_device: bool | None, run: Run, done: Checkpoint | None, share: Share, train: Split) -> bool:
    """Whether pictures lie and are changed on the device: as they were so far, as is wanted, or where they can."""
    if done and done.history:
        before = _ON_DEVICE in done.history[-1]
        if on_device not in (None, before):
            place = "device" if before else "host"
            raise RunFault(f"{run.folder} was trained with pictures changed on the {place}: go on with --on-{place}")
        on_device = before
    if on_device is None:
        return share.devices == 1 and backend.keeps(train.images.nbytes)
    if on_device and (share.devices > 1 or backend.name() != "jax"):
        raise spread.NotSpread("pictures are changed on the device with KERAS_BACKEND=jax and a single device only")
    return on_device


def _beside(trained: keras.Model, run: Run, train: Split, classes: int, share: Share, progress: Progress) -> EpochOf:
    """Epochs whose batches are made on the host, beside the steps."""

    def one_epoch(epoch: int) -> dict[str, float]:
        batches = Batches(train, classes, run.recipe, run.seed, epoch, share)
        callbacks = _callbacks(run.recipe, epoch, len(batches), progress)
        with interruption.heeded() as check:
            callbacks.append(keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: check()))
            logs = trained.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=callbacks).history
        return {name: float(logs[name][0]) for name in ("loss", "accuracy")}

    # Has Keras make its metrics now: the first `fit` would take a batch for that, and on JAX give it out twice.
    trained.test_on_batch(*Batches(train, classes, run.recipe, run.seed, 0, share)[0])
    return one_epoch


def _on_device(trained: keras.Model, run: Run, train: Split, classes: int, share: Share, progress: Progress) -> EpochOf:
    """Epochs that are one call each."""
    from training.on_device import Epochs

    epochs = Epochs(trained, run.recipe, train, classes, run.seed)
    steps = math.ceil(len(train.labels) / run.recipe.batch_size)

    def one_epoch(epoch: int) -> dict[str, float]:
        with interruption.heeded():
            measured = epochs.run(epoch)
        progress.on_batch(steps, steps, measured)
        return measured

    return one_epoch


def _callbacks(recipe: Recipe, epoch: int, steps: int, progress: Progress) -> list[keras.callbacks.Callback]:
    bar = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: progress.on_batch(batch + 1, steps, logs)
    )
    pull = pull_of(recipe, recipe.phase(epoch), steps)
    return [bar, Lookahead(pull)] if pull else [bar]


def _measured(trained: keras.Model, one_epoch: EpochOf, epoch: int) -> dict[str, float]:
    started = time.perf_counter()
    measured = one_epoch(epoch)
    rate = float(trained.optimizer.learning_rate)
    return {**measured, "learning_rate": rate, "seconds": round(time.perf_counter() - started, 2)}


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
