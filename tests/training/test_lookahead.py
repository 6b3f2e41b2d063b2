"""The slow weights follow the fast ones at first, and at the end hardly."""

import keras
import numpy as np

from training.lookahead import Lookahead, Pull


def model_at(step: int, total: int) -> tuple[keras.Model, Lookahead]:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.1))
    model.optimizer.iterations.assign(step)
    lookahead = Lookahead(Pull(5, 0, total))
    lookahead.set_model(model)
    lookahead.on_train_begin()
    return model, lookahead


def pulled_back(step: int, total: int) -> float:
    """Where a weight ends that went from 0 to 1 since the last average."""
    model, lookahead = model_at(step, total)
    model.layers[0].kernel.assign([[1.0]])
    lookahead.on_train_batch_end(4)
    return float(np.asarray(model.layers[0].kernel)[0, 0])


def test_the_pull_rises_with_the_cube_of_the_steps_done() -> None:
    assert pulled_back(0, 100) == 1.0
    np.testing.assert_allclose(pulled_back(50, 100), 1 - 0.95**5 / 8, rtol=1e-6)
    np.testing.assert_allclose(pulled_back(100, 100), 1 - 0.95**5, rtol=1e-6)


def test_the_average_goes_on_from_itself() -> None:
    model, lookahead = model_at(100, 100)
    for _ in range(2):
        model.layers[0].kernel.assign([[1.0]])
        lookahead.on_train_batch_end(4)
    np.testing.assert_allclose(np.asarray(model.layers[0].kernel)[0, 0], 1 - 0.95**10, rtol=1e-6)


def test_a_later_phase_starts_anew() -> None:
    model, _ = model_at(100, 100)
    lookahead = Lookahead(Pull(5, 100, 50))
    lookahead.set_model(model)
    lookahead.on_train_begin()
    model.layers[0].kernel.assign([[1.0]])
    lookahead.on_train_batch_end(4)
    assert float(np.asarray(model.layers[0].kernel)[0, 0]) == 1.0
