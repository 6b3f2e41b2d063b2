"""Calibration finds the temperature that was put in, and the threshold it promises."""

import numpy as np
import pytest

from training.calibrate import calibrate, expected_calibration_error, fit_temperature


def drawn(temperature: float, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are honest once divided by `temperature`, and labels drawn from those probabilities."""
    random = np.random.default_rng(1)
    honest = random.normal(0, 2, (count, 5))
    probabilities = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    labels = (probabilities.cumsum(axis=1) < random.random((count, 1))).sum(axis=1)
    return (honest * temperature).astype(np.float32), labels.astype(np.uint8)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_is_found(temperature: float) -> None:
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.03)


def test_calibration_lowers_the_calibration_error() -> None:
    logits, labels = drawn(0.4)

    def error(scaled: np.ndarray) -> float:
        return expected_calibration_error(np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True), labels)

    assert error(logits) > 0.1 and error(logits / fit_temperature(logits, labels)) < 0.015


def test_99_of_100_held_out_pictures_are_in_distribution() -> None:
    logits, labels = drawn(1.3)
    calibration = calibrate(logits, labels)
    energies = np.logaddexp.reduce(logits / calibration.temperature, axis=1)
    assert (energies >= calibration.energy_threshold).mean() == pytest.approx(0.99, abs=0.001)


def test_changed_pictures_lower_the_threshold_and_leave_the_temperature() -> None:
    logits, labels = drawn(1.3)
    changed = logits - np.float32(1)
    alone, both = calibrate(logits, labels), calibrate(logits, labels, changed)
    energies = np.logaddexp.reduce(np.concatenate([logits, changed]) / both.temperature, axis=1)
    assert both.temperature == alone.temperature and both.energy_threshold < alone.energy_threshold
    assert (energies >= both.energy_threshold).mean() == pytest.approx(0.99, abs=0.001)


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = np.array([[0.8, 0.2]] * 10, np.float32)
    assert expected_calibration_error(probabilities, np.array([0] * 5 + [1] * 5)) == pytest.approx(0.3)
    assert expected_calibration_error(probabilities, np.array([0] * 8 + [1] * 2)) == pytest.approx(0, abs=1e-6)
