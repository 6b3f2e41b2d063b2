"""What is written together is what would have been written one by one."""

from threading import Thread

import pytest
from prometheus_client import CollectorRegistry, Gauge, Histogram

from service.api.telemetry.batch import Batch, observe_all

BUCKETS = (0.1, 0.5, 1)


def histogram() -> tuple[CollectorRegistry, Histogram]:
    registry = CollectorRegistry()
    return registry, Histogram("seconds", "Time.", registry=registry, buckets=BUCKETS)


def samples(registry: CollectorRegistry) -> dict[str, float]:
    found = [sample for family in registry.collect() for sample in family.samples]
    return {f"{s.name}{s.labels}": s.value for s in found if not s.name.endswith("_created")}


@pytest.mark.parametrize("values", [[0.3], [0.1, 0.1, 0.5], [0.05, 0.3, 0.7, 0.7, 1, 2, 100], [-1.0, 0.0]])
def test_many_values_at_once_count_as_each_by_itself(values: list[float]) -> None:
    (together, all_at_once), (singly, one_by_one) = histogram(), histogram()
    observe_all(all_at_once, values)
    for value in values:
        one_by_one.observe(value)
    assert samples(together) == pytest.approx(samples(singly))


def test_nothing_is_written_until_it_is_due_and_then_everything_once() -> None:
    registry, seconds = histogram()
    batch = Batch()
    batch.write()
    for _ in range(5):
        batch.observe(seconds, 0.2)
    batch.write_if_due()
    assert batch.is_begun and samples(registry)["seconds_count{}"] == 0
    batch.write()
    batch.write()
    assert not batch.is_begun and samples(registry)["seconds_count{}"] == 5


def test_a_gauge_is_set_to_what_it_was_last_and_a_followed_one_to_what_it_is() -> None:
    registry = CollectorRegistry()
    last, now = (Gauge(name, "A value.", registry=registry) for name in ("last", "now"))
    batch, current = Batch(), [3]
    batch.follow(now, lambda: current[0])
    batch.set(last, 1)
    batch.set(last, 2)
    current[0] = 4
    batch.write()
    assert samples(registry) == {"last{}": 2, "now{}": 4}


def test_threads_that_observe_while_another_writes_lose_nothing() -> None:
    registry, seconds = histogram()
    batch = Batch()

    def observe() -> None:
        for _ in range(2000):
            batch.observe(seconds, 0.2)
            batch.write_if_due()

    threads = [Thread(target=observe) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batch.write()
    assert samples(registry)["seconds_count{}"] == 8000
    assert samples(registry)["seconds_sum{}"] == pytest.approx(1600)
