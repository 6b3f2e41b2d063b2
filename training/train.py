"""A run from its first step to what it gives on the test split."""

import keras

from training import atomic, backend, fit
from training.dataset import DataSet, Splits
from training.run import Result, Run


def train(run: Run, data_set: DataSet, splits: Splits, *, tensorboard: bool = False) -> Result:
    """Trains a run to its end, or on to it, and measures it once; one that is finished is only read."""
    if done := run.result():
        return done
    train_split, validation = splits.hold_out(run.recipe.validation_images)
    # Networks of earlier runs would pile up in Keras' global state.
    keras.backend.clear_session()
    with atomic.exclusive(run.folder):
        run.tidy()
        trained, history = fit.fit(run, data_set, train_split, validation, tensorboard=tensorboard)
        test_loss, test_accuracy = fit.measure(trained, splits.test)
        result = Result(
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            train_accuracy=fit.measure(trained, train_split)[1],
            seconds=round(sum(epoch["seconds"] for epoch in history), 1),
            parameters=trained.count_params(),
            device=backend.hardware(),
            commit=backend.git_commit(),
        )
        run.save_result(result)
    return result
