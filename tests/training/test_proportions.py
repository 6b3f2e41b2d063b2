"""Intervals and comparisons of accuracies are those of the textbooks."""

import pytest

from training.proportions import accuracy_text, p_value_of_fewer, wilson_interval


@pytest.mark.parametrize(
    ("accuracy", "images", "low", "high"),
    [(0.5, 10, 0.2366, 0.7634), (1.0, 10, 0.7225, 1.0), (0.0, 4, 0.0, 0.4899), (0.94, 10_000, 0.9352, 0.9445)],
)
def test_the_interval_is_wilsons(accuracy: float, images: int, low: float, high: float) -> None:
    assert wilson_interval(accuracy, images) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("first", "other", "p_value"),
    # Fisher's tea: three of four cups; all of two against two of three; equal counts.
    [((1, 4), (3, 4), 17 / 70), ((2, 3), (2, 2), 0.6), ((0, 5), (5, 5), 1 / 252), ((5, 5), (5, 5), 1.0)],
)
def test_the_p_value_is_that_of_fishers_exact_test(
    first: tuple[int, int], other: tuple[int, int], p_value: float
) -> None:
    assert p_value_of_fewer(*first, *other) == pytest.approx(p_value)


def test_an_accuracy_is_written_with_its_count_and_interval() -> None:
    assert accuracy_text(0.5, 10) == "50.00% of 10 images (95 % interval 23.7% to 76.3%)"
    assert accuracy_text(0.5, None) == "50.00%"
