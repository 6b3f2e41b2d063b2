"""What an export states of the pictures that a model was trained on."""

import numpy as np
import pytest

from training import export


def pictures(drawings: int, things: int) -> np.ndarray:
    """Lines on white, and noise, grey in 28×28."""
    strokes = np.full((drawings, 28, 28, 1), 255, np.uint8)
    strokes[:, 5:23, 12:15] = 0
    return np.concatenate([strokes, np.random.default_rng(1).integers(0, 256, (things, 28, 28, 1), dtype=np.uint8)])


@pytest.mark.parametrize(
    ("drawings", "things", "told"), [(100, 0, True), (5, 95, True), (1, 99, False), (0, 100, False)]
)
def test_drawings_are_expected_where_more_than_a_few_were_trained_on(drawings: int, things: int, told: bool) -> None:
    assert export.has_drawings(pictures(drawings, things)) is told
