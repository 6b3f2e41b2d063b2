"""Calibration finds the temperature that was put in, and the threshold it promises."""

import numpy as np
import pytest

from training.calibrate import MIN_CALIBRATION_IMAGES, Scaling, calibrate, fit_temperature, unscaled
from training.evaluate import expected_calibration_error


def drawn(temperature: float, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are honest once divided by `temperature`, and labels drawn from those probabilities."""
    random = np.random.default_rng(1)
    honest = random.normal(0, 2, (count, 5))
    probabilities = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    labels = (probabilities.cumsum(axis=1) < random.random((count, 1))).sum(axis=1)
    return (honest * temperature).astype(np.float32), labels.astype(np.uint8)


def scaled(logits: np.ndarray, scaling: Scaling) -> np.ndarray:
    """As the exported graph does it."""
    from training import saved_model

    return np.asarray(saved_model._scaled(logits, scaling))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_is_found(temperature: float) -> None:
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.03)


@pytest.mark.parametrize("temperature", [0.4, 0.6, 2.5])
def test_thousands_of_pictures_outweigh_the_prior(temperature: float) -> None:
    logits, labels = drawn(temperature, 5000)
    tried = np.geomspace(temperature * 0.8, temperature * 1.2, 400)
    losses = [
        (np.logaddexp.reduce(logits / one, axis=1) - logits[np.arange(len(labels)), labels] / one).sum()
        for one in tried
    ]
    assert fit_temperature(logits, labels) == pytest.approx(tried[np.argmin(losses)], rel=0.005)


@pytest.mark.parametrize("margin", [1.5, 5.0])
@pytest.mark.parametrize("count", [5, 12, 50, 200])
def test_images_that_are_all_right_do_not_saturate_the_probabilities(count: int, margin: float) -> None:
    logits = np.where(np.eye(2)[np.arange(count) % 2] > 0, margin, 0).astype(np.float32)
    labels = (np.arange(count) % 2).astype(np.uint8)
    assert fit_temperature(logits, labels) > 0.25
    answers = np.exp(scaled(logits, calibrate(logits, labels).scaling))
    confidence = (answers / answers.sum(axis=1, keepdims=True)).max(axis=1).mean()
    as_trained = 1 / (1 + np.exp(-margin))
    assert as_trained - 1e-6 < confidence < max(1 - 1 / (2 * count), as_trained + (1 - as_trained) * 0.9)


def test_fewer_pictures_than_could_tell_leave_the_probabilities_as_they_are() -> None:
    logits, labels = drawn(3.0, 1000)
    few, enough = (calibrate(logits[:n], labels[:n]) for n in (MIN_CALIBRATION_IMAGES - 1, MIN_CALIBRATION_IMAGES))
    assert few.scaling == Scaling() and few.images == 0
    assert enough.scaling.temperature > 1.5 and enough.images == MIN_CALIBRATION_IMAGES


def test_calibration_lowers_the_calibration_error() -> None:
    logits, labels = drawn(0.4)

    def error(scaled: np.ndarray) -> float:
        return expected_calibration_error(np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True), labels)

    assert error(logits) > 0.1 and error(logits / fit_temperature(logits, labels)) < 0.015


def test_99_of_100_held_out_pictures_are_in_distribution() -> None:
    logits, labels = drawn(1.3)
    calibration = calibrate(logits, labels)
    energies = np.logaddexp.reduce(logits / calibration.scaling.temperature, axis=1)
    assert (energies >= calibration.energy_threshold).mean() == pytest.approx(0.99, abs=0.001)


BENT = Scaling(1.5, (0.6, 0.7, 2.0))


def test_a_network_that_is_too_sure_around_nine_tenths_is_seen_through() -> None:
    honest, labels = drawn(1.0)
    found = calibrate(unscaled(honest, BENT), labels).scaling
    assert found.slopes[0] < found.slopes[1] < found.slopes[2]
    one_temperature, bent = (np.exp(scaled(unscaled(honest, BENT), one)) for one in (Scaling(found.temperature), found))
    before, after = (
        expected_calibration_error(answers / answers.sum(axis=1, keepdims=True), labels)
        for answers in (one_temperature, bent)
    )
    assert before > 0.025 and after < 0.65 * before


def test_of_few_pictures_no_more_is_learnt_than_they_tell() -> None:
    logits, labels = drawn(1.0, 40)
    assert all(0.6 < slope < 1.5 for slope in calibrate(logits, labels).scaling.slopes)


@pytest.mark.parametrize("scaling", [Scaling(), Scaling(2.0), BENT])
def test_the_graph_scales_and_the_report_goes_back(scaling: Scaling) -> None:
    logits, _ = drawn(3.0, 2000)
    honest = scaled(logits, scaling)
    assert (honest.argmax(axis=1) == logits.argmax(axis=1)).all()
    energies = np.logaddexp.reduce(logits / scaling.temperature, axis=1)
    assert np.logaddexp.reduce(honest, axis=1) == pytest.approx(energies, abs=1e-4)
    back = unscaled(honest, scaling)
    assert back - back[:, :1] == pytest.approx(logits - logits[:, :1], abs=2e-3)


def test_changed_pictures_lower_the_threshold_and_leave_the_temperature() -> None:
    logits, labels = drawn(1.3)
    changed = logits - np.float32(1)
    alone, both = calibrate(logits, labels), calibrate(logits, labels, changed)
    energies = np.logaddexp.reduce(np.concatenate([logits, changed]) / both.scaling.temperature, axis=1)
    assert both.scaling == alone.scaling and both.energy_threshold < alone.energy_threshold
    assert (energies >= both.energy_threshold).mean() == pytest.approx(0.99, abs=0.001)
