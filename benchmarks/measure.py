"""One contender's turn: every workload it takes, in closed loop and, with the small picture, in open loop."""

import os
import resource
import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.closed import closed
from benchmarks.contenders import Contender
from benchmarks.figures import percentiles_ms, rates_to_try
from benchmarks.load import UNANSWERED, open_loop
from benchmarks.processes import computed_s, pss_bytes
from benchmarks.results import OK, Measurement, Start
from benchmarks.running import Running, running
from benchmarks.workloads import WORKLOADS

# Answers a second that are asked for in the open loop, by every contender until it is beyond what it can carry.
RATES = (25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 1500.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0, 8000.0)
_OPEN, _CARRIED_AT = "png", 16
_MOST_CONNECTIONS, _PATIENCE_S, _MOST_RATES = 256, 3.0, 6


def turn(name: str, contender: Contender, number: int, seconds: int) -> tuple[Start, list[Measurement]]:
    """Starts the contender, measures all and stops it; raises NotStarted."""
    load_average = os.getloadavg()[0]
    with running(contender) as one:
        small = list(_closed_loops(name, one, number, seconds, (_OPEN,) if _OPEN in contender.workloads else ()))
        small_pss = pss_bytes(one.server.tree())
        others = [workload for workload in contender.workloads if workload != _OPEN]
        measured = small + list(_closed_loops(name, one, number, seconds, others))
        all_pss = pss_bytes(one.server.tree())
        if contender.in_open_loop:
            carried = next(found.per_second for found in small if found.connections == _CARRIED_AT)
            measured += _open_loops(name, one, number, seconds, carried)
    start = Start(
        contender=name,
        round=number,
        first_answer_s=one.first_answer_s,
        small_pss_bytes=small_pss,
        all_pss_bytes=all_pss,
        load_average=load_average,
    )
    return start, measured


def _closed_loops(
    name: str, one: Running, number: int, seconds: int, workloads: Sequence[str]
) -> Iterator[Measurement]:
    for key in workloads:
        workload = WORKLOADS[key]
        form = one.contender.form(workload)
        if form is None:
            continue
        load = one.load(workload, form)
        for connections in workload.connections:
            one.settle(load)
            with Costs(one) as costs:
                found = closed(load, connections, seconds)
            told = {"contender": name, "round": number, "workload": key, "form": form, "connections": connections}
            yield Measurement.model_validate({**told, **found, **costs.of(found["statuses"])})


def _open_loops(name: str, one: Running, number: int, seconds: int, carried: float) -> Iterator[Measurement]:
    workload = WORKLOADS[_OPEN]
    form = next(iter(one.contender.forms))
    load = one.load(workload, form)
    for rate in rates_to_try(RATES, carried)[-_MOST_RATES:]:
        one.settle(load)
        started = time.perf_counter()
        with Costs(one) as costs:
            sender = open_loop(load, rate, seconds, 0.0, _MOST_CONNECTIONS, _PATIENCE_S)
        took = time.perf_counter() - started
        told = {"contender": name, "round": number, "workload": _OPEN, "form": form, "rate": rate, "seconds": took}
        counts = {"statuses": dict(sender.statuses), **percentiles_ms(sender.times[OK] + sender.times[UNANSWERED])}
        yield Measurement.model_validate({**told, **counts, **costs.of(sender.statuses)})


class Costs:
    """The time of a core that server and generator use while the block runs."""

    def __init__(self, one: Running) -> None:
        self._one = one
        self._server = self._generator = 0.0

    def __enter__(self) -> "Costs":
        self._server, self._generator = computed_s(self._one.server.tree()), _own_s()
        return self

    def __exit__(self, *error: object) -> None:
        self._server = computed_s(self._one.server.tree()) - self._server
        self._generator = _own_s() - self._generator

    def of(self, statuses: dict[str, int]) -> dict[str, Any]:
        """Both in µs an answer, whatever its status."""
        answers = max(1, sum(statuses.values()))
        return {"server_us": self._server / answers * 1e6, "generator_us": self._generator / answers * 1e6}


def _own_s() -> float:
    """What this process used, and those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
