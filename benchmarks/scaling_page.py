"""`python -m benchmarks.scaling_page`: docs/scaling.md from docs/scaling.json."""

from pathlib import Path

import click
from pydantic import BaseModel

from benchmarks.capacity import Assumptions, Costs, Plan, plan
from benchmarks.figures import Spread
from benchmarks.markdown import number, spread, table
from benchmarks.results import Machine, Timed
from training import atomic

_RATES = (1_000, 10_000, 100_000, 1_000_000)
# The settings as they come on two cores, and the largest picture: series and x.
_STANDARD, _LARGE = ("workers", "2 × 32"), ("pictures", "4000×3000 JPEG")
_PAGE = Path(__file__).parent / "pages" / "scaling.md"
_COLUMNS = {
    "workers": "workers × requests that may wait",
    "pictures": "picture",
    "batches": "pictures",
    "models": "models",
    "versions": "versions",
}
_HEAD = ("requests/s", "cores", "replicas", "memory, GiB", "$ an hour", "$ a month", "network, Gbit/s", "log, MB/s")


class Point(Timed):
    """One closed loop of one round."""

    series: str
    x: str
    round: int
    connections: int
    body_bytes: int
    first_answer_s: float
    pss_bytes: int


class Wire(BaseModel):
    """The bytes of one request with a small picture: heads and bodies, and its log line."""

    bytes_in: int
    bytes_out: int
    log_bytes: float


class Scaling(BaseModel):
    """Everything of one run."""

    taken: str
    code: str
    rounds: int
    seconds: int
    machine: Machine
    points: list[Point] = []
    wire: Wire | None = None

    def of(self, series: str, x: str) -> list[Point]:
        """The rounds of one loop."""
        return [point for point in self.points if (point.series, point.x) == (series, x)]

    def costs(self) -> Costs:
        """Of the small picture, with the settings as they come."""
        points = self.of(*_STANDARD)
        assert points and self.wire, "the results hold no loop with the settings as they come"
        return Costs(
            server_us=Spread.of([point.server_us for point in points]).median,
            pss_bytes=Spread.of([float(point.pss_bytes) for point in points]).median,
            **self.wire.model_dump(),
        )


def write(path: Path) -> None:
    """The page beside the results."""
    found = Scaling.model_validate_json(path.read_bytes())
    atomic.write_text(path.with_suffix(".md"), page(found, Assumptions()))


def page(found: Scaling, assumed: Assumptions) -> str:
    """The template with the figures in it."""
    costs = found.costs()
    plans = {rate: plan(rate, costs, assumed) for rate in _RATES}
    million = plans[_RATES[-1]]
    large = found.of(*_LARGE)
    return _PAGE.read_text().format(
        **found.model_dump(include={"taken", "code", "rounds", "seconds"}),
        **found.machine.model_dump(include={"cores", "processor"}),
        **{series: _table(found, series) for series in _COLUMNS},
        **costs._asdict(),
        pss=costs.pss_bytes / 1e6,
        load=assumed.load,
        replica_cores=assumed.cores_a_replica,
        price=assumed.price_a_core_hour,
        plans=table(_HEAD, [_row(rate, one) for rate, one in plans.items()]),
        large_times=number(Spread.of([point.server_us for point in large]).median / costs.server_us),
        large_mb=large[0].body_bytes / 1e6,
        log_mb_s=million.log_mb_s,
        replicas=million.replicas,
        looks=million.cores / 2,
    )


def _table(found: Scaling, series: str) -> str:
    rows = []
    for x in dict.fromkeys(point.x for point in found.points if point.series == series):
        loop = found.of(series, x)
        pictures = int(x) if series == "batches" else 1
        row = [x, spread([one.per_second for one in loop]), spread([one.p50_ms for one in loop])]
        row += [spread([one.p99_ms for one in loop]), spread([one.server_us / pictures for one in loop])]
        row += [spread([one.pss_bytes / 1e6 for one in loop]), spread([one.first_answer_s for one in loop])]
        rows.append(row)
    cpu = "CPU, µs a picture" if series == "batches" else "CPU, µs"
    return table([_COLUMNS[series], "answers/s", "p50 ms", "p99 ms", cpu, "PSS, MB", "first answer, s"], rows)


def _row(rate: int, one: Plan) -> list[str]:
    money = [f"{one.price_an_hour:,.2f}", f"{one.price_a_month:,.0f}"]
    counts = [f"{rate:,}", f"{one.cores:,}", f"{one.replicas:,}", f"{one.memory_gib:,.1f}"]
    return [*counts, *money, f"{one.network_gbit_s:,.2f}", f"{one.log_mb_s:,.1f}"]


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=Path("docs/scaling.json"))
def main(path: Path) -> None:
    """Writes the page of stored results."""
    write(path)


if __name__ == "__main__":
    main()
