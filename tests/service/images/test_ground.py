"""The ground is what is wide: shadows and tables are, strokes are not."""

import numpy as np
import pytest

from service.images import ground
from service.images.ground import Grey


def noise(seed: int, height: int, width: int) -> Grey:
    return np.random.default_rng(seed).uniform(0, 255, (height, width)).astype(np.float32)


def page(level: float, height: int = 120, width: int = 100) -> Grey:
    return np.full((height, width), level, np.float32)


def with_zero(grey: Grey, ink: float) -> Grey:
    """A hollow zero in the middle: a ring 60 pixels high, 50 wide and 8 thick."""
    rows, columns = np.indices(grey.shape)
    down, across = (rows - grey.shape[0] / 2) / 30, (columns - grey.shape[1] / 2) / 25
    radius = np.sqrt(down**2 + across**2)
    return np.where((radius < 1) & (radius > 0.7), np.float32(ink), grey)


def with_stroke(grey: Grey, ink: float) -> Grey:
    grey = grey.copy()
    grey[30:90, 45:55] = ink
    return grey


def shaded(grey: Grey) -> Grey:
    """A third of the page lies in a shadow with a sharp edge."""
    return np.concatenate([0.55 * grey[:, :35], grey[:, 35:]], axis=1)


def closed_naively(grey: Grey, reach: int) -> Grey:
    padded = np.pad(grey, reach, mode="symmetric")
    result = np.empty_like(grey)
    for row, column in np.ndindex(grey.shape):
        windows = [
            padded[row + reach - down :, column + reach - right :][:reach, :reach].max()
            for down in range(reach)
            for right in range(reach)
        ]
        result[row, column] = min(windows)
    return result


@pytest.mark.parametrize("reach", [1, 2, 3, 5, 8])
@pytest.mark.parametrize(("height", "width"), [(13, 9), (1, 6), (4, 3)])
def test_a_closing_is_the_least_of_the_largest(reach: int, height: int, width: int) -> None:
    grey = noise(reach, height, width)
    assert np.array_equal(ground.closed(grey, reach), closed_naively(grey, reach))


def test_closing_twice_is_closing_once_and_never_darkens() -> None:
    grey = noise(1, 40, 30)
    once = ground.closed(grey, 7)
    assert np.array_equal(ground.closed(once, 7)[7:-7, 7:-7], once[7:-7, 7:-7]) and (once >= grey).all()


@pytest.mark.parametrize("reach", [1, 2, 4, 7])
def test_widened_reaches_as_far_on_every_side(reach: int) -> None:
    dot = np.zeros((5, 6), np.float32)
    dot[2, 3] = 1
    wide = ground.widened(dot, reach)
    assert wide.shape == (5 + reach - 1, 6 + reach - 1) and wide.sum() == reach**2
    assert wide[2 : 2 + reach, 3 : 3 + reach].all()


def test_smoothed_is_the_mean_of_nine() -> None:
    grey = noise(2, 6, 7)
    assert np.allclose(ground.smoothed(grey)[2, 3], grey[1:4, 2:5].mean(), rtol=1e-5)
    assert np.allclose(ground.smoothed(page(90)), 90) and ground.smoothed(page(90, 1, 1)).shape == (1, 1)


@pytest.mark.parametrize(("height", "width"), [(120, 100), (1, 1), (1, 50), (3, 2)])
def test_plain_ground_has_no_contrast(height: int, width: int) -> None:
    assert not np.asarray(ground.contrast(page(200, height, width)) > 1e-3).any()


def test_contrast_is_how_much_darker_than_the_ground_the_ink_is() -> None:
    contrast = ground.contrast(with_stroke(page(200), 60))
    assert np.allclose(contrast[31:89, 46:54], 140, atol=1) and np.abs(contrast[:, :40]).max() < 1


def test_light_marks_have_no_contrast() -> None:
    assert ground.contrast(with_stroke(page(100), 250))[30:90, 45:55].max() < 1


def test_contrast_ignores_the_edge_of_a_shadow() -> None:
    contrast = ground.contrast(shaded(with_stroke(page(200), 60)))
    assert contrast[31:89, 46:54].min() > 100
    # Beside the edge itself, where the smoothing mixes the two sides, nothing is left of the shadow.
    assert contrast[:, :32].max() < 1 and contrast[:, 60:].max() < 1


def test_contrast_follows_light_that_falls_off() -> None:
    slope = np.linspace(1.2, 0.6, 100, dtype=np.float32)
    contrast = ground.contrast(with_stroke(page(200), 40) * slope)
    assert contrast[31:89, 46:54].min() > 5 * contrast[:, :40].max()


@pytest.mark.parametrize("draw", [with_stroke, with_zero])
def test_dark_on_light_and_light_on_dark_are_told_apart(draw: object) -> None:
    assert callable(draw)
    assert not ground.lies_light(draw(page(230), 20)) and ground.lies_light(draw(page(20), 230))


@pytest.mark.parametrize("draw", [with_stroke, with_zero])
def test_ink_in_a_shadow_is_dark_ink(draw: object) -> None:
    assert callable(draw)
    for turns in range(4):
        assert not ground.lies_light(np.rot90(shaded(draw(page(200), 40)), turns))


def test_the_inside_of_a_zero_that_fills_the_picture_is_no_light_digit() -> None:
    tight = with_zero(page(230), 20)[28:92, 23:77]
    assert not ground.lies_light(tight) and ground.lies_light(255 - tight)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 300), (300, 1), (5, 5), (600, 400)])
def test_nothing_lies_light_on_a_plain_ground(height: int, width: int) -> None:
    assert not ground.lies_light(page(128, height, width))


def test_otsu_parts_two_groups_between_them() -> None:
    values = np.concatenate([page(40, 30, 30).ravel(), page(200, 10, 10).ravel()])
    assert 40 < ground.otsu(values) < 200


def test_otsu_is_the_level_of_the_greatest_variance_between() -> None:
    random = np.random.default_rng(3)
    values = np.clip(np.concatenate([random.normal(70, 12, 900), random.normal(170, 20, 300)]), 0, 255)
    values = np.floor(values).astype(np.float32)

    def between(level: int) -> float:
        low, high = values[values <= level], values[values > level]
        return float(low.size * high.size * (low.mean() - high.mean()) ** 2) if low.size and high.size else 0.0

    assert ground.otsu(values) == max(range(256), key=between) + 0.5


def test_otsu_takes_one_value_and_values_out_of_range() -> None:
    assert 0 < ground.otsu(page(7)) < 256
    assert 0 < ground.otsu(np.array([-5, 300], np.float32)) < 256


@pytest.mark.parametrize(("width", "height"), [(20, 10), (200, 300), (1, 1), (100, 7)])
def test_resized_stays_within_the_values_there_were(width: int, height: int) -> None:
    small = ground.resized(with_stroke(page(230), 20), width, height)
    assert small.shape == (height, width) and small.min() >= 20 - 1e-3 and small.max() <= 230 + 1e-3
