"""A run from its first step to what it gives on the test split."""

from contextlib import AbstractContextManager, nullcontext

import keras

from training import atomic, backend, fit, spread
from training.dataset import DataSet, Splits
from training.progress import Progress
from training.run import Result, Run
from training.spread import Share
from training.tensorboard import Curves


def train(
    run: Run, data_set: DataSet, splits: Splits, *, tensorboard: bool = False, on_device: bool | None = None
) -> Result:
    """Trains a run to its end, or on to it, and measures it once; one that is finished is only read."""
    if done := run.result():
        return done
    train_split, validation = splits.hold_out(run.recipe.validation_images)
    share = spread.join()
    # Networks of earlier runs would pile up in Keras' global state.
    keras.backend.clear_session()
    with _held(run, share), Progress(Curves(run.folder) if tensorboard and share.leads else None) as progress:
        if share.leads:
            run.tidy()
        trained, history = fit.fit(run, data_set, train_split, validation, progress, share, on_device)
        test_loss, test_accuracy = fit.measure(trained, splits.test)
        result = Result(
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            train_accuracy=fit.measure(trained, train_split)[1],
            seconds=round(sum(epoch["seconds"] for epoch in history), 1),
            parameters=trained.count_params(),
            device=backend.hardware(),
        )
        if share.leads:
            run.save_result(result)
    return result


def _held(run: Run, share: Share) -> AbstractContextManager[None]:
    """The run's folder, for this process: the others of a job only read it."""
    return atomic.exclusive(run.folder) if share.leads else nullcontext()
