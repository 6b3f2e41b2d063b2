"""The arithmetic from one request to many."""

import pytest

from benchmarks.capacity import Assumptions, Costs, plan

_COSTS = Costs(server_us=300, pss_bytes=2**27, bytes_in=500, bytes_out=1000, log_bytes=400)


def test_a_rate_takes_the_cores_that_its_requests_compute_on() -> None:
    found = plan(10_000, _COSTS, Assumptions(load=0.6, cores_a_replica=2, price_a_core_hour=0.05))
    assert (found.cores, found.replicas) == (6, 3)
    assert found.memory_gib == pytest.approx(3 / 8)
    assert found.price_an_hour == pytest.approx(0.30)
    assert found.network_gbit_s == pytest.approx(0.12)
    assert found.log_mb_s == pytest.approx(4.0)


def test_replicas_are_whole_and_never_too_few() -> None:
    assert plan(1, _COSTS, Assumptions()).replicas == 1
    assert plan(4001, _COSTS, Assumptions(load=0.6)).replicas == 2
