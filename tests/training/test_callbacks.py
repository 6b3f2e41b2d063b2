"""What happens around the steps: averaged weights, TensorBoard's curves, Ctrl-C."""

import signal
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from training import callbacks
from training.callbacks import Interruption, Lookahead, NoTensorBoard, Pull


def model_at(step: int, pull: Pull) -> tuple[keras.Model, Lookahead]:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.1))
    model.optimizer.iterations.assign(step)
    lookahead = Lookahead(model, lambda epoch: pull)
    lookahead.set_model(model)
    lookahead.on_epoch_begin(0)
    return model, lookahead


def pulled_back(step: int, pull: Pull, times: int = 1) -> float:
    """Where a weight ends that went from 0 to 1 before each average."""
    model, lookahead = model_at(step, pull)
    for _ in range(times):
        model.layers[0].kernel.assign([[1.0]])
        lookahead.on_train_batch_end(4)
    return float(np.asarray(model.layers[0].kernel)[0, 0])


def test_the_pull_rises_with_the_cube_of_the_steps_done() -> None:
    assert pulled_back(0, Pull(5, 0, 100)) == 1.0
    np.testing.assert_allclose(pulled_back(50, Pull(5, 0, 100)), 1 - 0.95**5 / 8, rtol=1e-6)
    np.testing.assert_allclose(pulled_back(100, Pull(5, 0, 100)), 1 - 0.95**5, rtol=1e-6)


def test_the_average_goes_on_from_itself() -> None:
    np.testing.assert_allclose(pulled_back(100, Pull(5, 0, 100), times=2), 1 - 0.95**10, rtol=1e-6)


def test_a_later_phase_starts_anew() -> None:
    assert pulled_back(100, Pull(5, 100, 50)) == 1.0


def test_each_epoch_becomes_a_point_of_tensorboards_curves(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="an extra: pip install -r requirements/tensorboard.txt")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=2, verbose=0, callbacks=[callbacks.tensorboard(tmp_path)])
    found = EventAccumulator(str(tmp_path / callbacks.TENSORBOARD_FOLDER / "train")).Reload()
    assert [event.step for event in found.Tensors("epoch_loss")] == [0, 1]


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(NoTensorBoard, match=r"requirements/tensorboard\.txt"):
        callbacks.tensorboard(tmp_path)


def test_ctrl_c_ends_a_training_after_the_batch_at_hand_and_a_second_one_at_once() -> None:
    # A job that a shell put into the background was told to ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interruption = Interruption()
    interruption.on_train_begin()
    interruption.on_train_batch_end(0)
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interruption.on_train_batch_end(1)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    interruption.release()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
