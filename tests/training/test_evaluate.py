"""Figures of a split are what one counts by hand, and say how far they can be trusted."""

import numpy as np
import pytest

from training.evaluate import accuracy_text, expected_calibration_error, summary

LABELS = ("a", "b", "c")
TRUTH = np.array([0, 0, 0, 1, 1, 2], np.uint8)
PROBABILITIES = np.array(
    [[0.9, 0.1, 0], [0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0], [0.6, 0.4, 0], [0, 0.1, 0.9]], np.float32
)


def test_the_summary_is_what_one_counts_by_hand() -> None:
    found = summary(LABELS, PROBABILITIES, PROBABILITIES, TRUTH)
    assert found["confusion"] == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert found["accuracy"] == pytest.approx(4 / 6) and found["top_2_accuracy"] == 1
    assert found["brier_score"] == pytest.approx((0.02 + 0.06 + 1.14 + 0.02 + 0.72 + 0.02) / 6, abs=1e-6)
    expected = -np.log([0.9, 0.8, 0.2, 0.9, 0.4, 0.9]).mean()
    assert found["cross_entropy_nats"] == pytest.approx(expected, abs=1e-6)


def test_precision_recall_and_f1_are_by_class_with_what_it_is_most_often_taken_for() -> None:
    found = summary(LABELS, PROBABILITIES, PROBABILITIES, TRUTH)["classes"]
    thirds = {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3}
    assert found["a"] == {**{name: pytest.approx(value) for name, value in thirds.items()}, "images": 3,
                          "taken_for": "b", "mistaken": 1}  # fmt: skip
    assert found["c"] == {"precision": 1, "recall": 1, "f1": 1, "images": 1, "taken_for": None, "mistaken": 0}


def test_a_class_without_images_has_zeros_and_no_warning() -> None:
    found = summary(LABELS, PROBABILITIES[:2], PROBABILITIES[:2], TRUTH[:2])["classes"]
    assert [found["c"][name] for name in ("precision", "recall", "f1", "images")] == [0, 0, 0, 0]


def test_two_classes_are_no_special_case() -> None:
    both = np.array([[0.75, 0.25], [0.5, 0.5]], np.float32)
    found = summary(("a", "b"), both, both, np.array([0, 1], np.uint8))
    assert found["brier_score"] == pytest.approx((0.125 + 0.5) / 2) and found["top_2_accuracy"] == 1


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = np.array([[0.8, 0.2]] * 10, np.float32)
    assert expected_calibration_error(probabilities, np.array([0] * 5 + [1] * 5)) == pytest.approx(0.3)
    assert expected_calibration_error(probabilities, np.array([0] * 8 + [1] * 2)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("accuracy", "images", "interval"),
    [
        (0.5, 10, "23.7% to 76.3%"),
        (1.0, 10, "72.2% to 100.0%"),
        (0.0, 4, "0.0% to 49.0%"),
        (0.94, 10_000, "93.5% to 94.4%"),
    ],
)
def test_an_accuracy_is_written_with_its_count_and_wilsons_interval(
    accuracy: float, images: int, interval: str
) -> None:
    assert accuracy_text(accuracy, images) == f"{accuracy:.2%} of {images} images (95 % interval {interval})"


def test_an_accuracy_of_an_unknown_count_is_written_alone() -> None:
    assert accuracy_text(0.5, None) == "50.00%"
