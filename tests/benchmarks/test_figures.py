"""Many measurements become few numbers, and none is made better on the way."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Spread, percentile, percentiles_ms, rates_to_try

_VALUES = st.lists(st.floats(0, 1e6), min_size=1)


def test_the_percentile_of_a_hundred_values_is_the_one_of_its_rank() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.99, 0.999, 1.0)] == [50, 99, 100, 100]


def test_one_slow_answer_in_a_thousand_is_beyond_the_99th_percentile_and_not_beyond_all() -> None:
    found = percentiles_ms([0.001] * 998 + [5.0, 5.0])
    assert found == {"p50_ms": 1.0, "p99_ms": 1.0, "p999_ms": 5000.0}


def test_of_nothing_there_is_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


@given(_VALUES, st.floats(0.001, 1))
def test_at_least_the_share_of_all_values_does_not_exceed_the_percentile(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


@given(_VALUES)
def test_a_spread_lies_between_its_ends(values: list[float]) -> None:
    spread = Spread.of(values)
    assert min(values) == spread.low <= spread.median <= spread.high == max(values)


@pytest.mark.parametrize(
    ("carried", "tried"), [(10, [50]), (90, [50, 100, 200]), (100, [50, 100, 200]), (1000, [50, 100, 200])]
)
def test_rates_go_up_to_the_first_that_is_beyond_what_is_carried(carried: float, tried: list[float]) -> None:
    assert rates_to_try([200, 100, 50], carried) == tried
