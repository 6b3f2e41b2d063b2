"""`python -m benchmarks.report`: docs/benchmarks.md and its figures from docs/benchmarks.json."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks import goals, plots, profile
from benchmarks.contenders import CONTENDERS, OURS
from benchmarks.markdown import spread, table
from benchmarks.results import Measurement, Results
from benchmarks.workloads import WORKLOADS
from training import atomic

_PAGE = Path(__file__).parent / "pages" / "benchmarks.md"
_SHARES = {"p50_ms": "p50 ms", "p99_ms": "p99 ms", "p999_ms": "p99.9 ms"}


def write(path: Path) -> None:
    """The page beside the results, and its figures in a folder of the same name."""
    found = Results.model_validate_json(path.read_bytes())
    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    plots.throughput(found, "png", 16, "One 28×28 PNG a request, 16 connections", folder / "throughput.png")
    plots.throughput(found, "batch", 4, "100 PNGs a request, 4 connections", folder / "batch.png")
    plots.latency(found, folder / "latency.png")
    atomic.write_text(path.with_suffix(".md"), page(found))


def page(found: Results) -> str:
    """The template with the figures in it."""
    machine = found.machine
    latencies = {key: _loops(found, key, 4 if 4 in one.connections else 16) for key, one in WORKLOADS.items()}
    return _PAGE.read_text().format(
        **found.model_dump(include={"taken", "code", "command", "rounds", "seconds", "generator"}),
        **machine.model_dump(include={"cores", "processor", "system", "python"}),
        **latencies,
        memory=machine.memory_gib,
        goals=goals.table(found),
        png_rates=_rates(found, "png"),
        ceiling=spread(found.ceiling_per_second),
        open=_open_loops(found),
        starts=_starts(found),
        profile=profile.table(found.profile, found.profile_before) if found.profile else "",
        before=f"; in brackets the code of {found.profile_before.code}" if found.profile_before else "",
        load_average=spread([one.load_average for one in found.starts]),
        generator_us=spread([one.generator_us for one in found.of(OURS, "png", 16)]),
        contenders=_contenders(found),
        missing="\n".join(_missing(found)),
    )


def _rates(found: Results, workload: str) -> str:
    connections, rows = WORKLOADS[workload].connections, []
    for name, facts in found.contenders.items():
        loops = [found.of(name, workload, count) for count in connections]
        if all(loops):
            rows.append([facts.title, *(spread([one.per_second for one in loop]) for loop in loops)])
    return table(["answers a second at", *(f"{count} connections" for count in connections)], rows)


def _loops(found: Results, workload: str, connections: int) -> str:
    ours, rows = found.of(OURS, workload, connections), []
    for name, facts in found.contenders.items():
        loop = found.of(name, workload, connections)
        ratio = found.ratio(ours, loop)
        if loop:
            row = [facts.title, loop[0].form, spread([one.per_second for one in loop]), *_percentiles(loop)]
            row += [spread([one.server_us for one in loop]), f"{ratio.median:.2f}" if ratio else "–", _faults(loop)]
            rows.append(row)
    return table(["", "form", "answers/s", *_SHARES.values(), "CPU µs", "Squint is × this", "errors"], rows)


def _open_loops(found: Results) -> str:
    rows = []
    for name, facts in found.contenders.items():
        for rate in sorted({one.rate for one in found.measured if one.contender == name and one.rate}):
            loop = found.of(name, "png", None, rate)
            answered = spread([one.per_second for one in loop])
            rows.append([facts.title, f"{rate:,.0f}", answered, *_percentiles(loop), _faults(loop)])
    return table(["", "due/s", "answered/s", *_SHARES.values(), "not answered with 200"], rows)


def _percentiles(loop: Sequence[Measurement]) -> list[str]:
    return [spread([getattr(one, share) for one in loop]) for share in _SHARES]


def _faults(loop: Sequence[Measurement]) -> str:
    counts = sum((Counter(one.faults) for one in loop), Counter[str]())
    return ", ".join(f"{status}: {count}" for status, count in counts.items()) or "none"


def _starts(found: Results) -> str:
    rows = []
    for name, facts in found.contenders.items():
        starts = [one for one in found.starts if one.contender == name]
        if starts and CONTENDERS[name].in_open_loop:
            row = [facts.title, spread([one.first_answer_s for one in starts])]
            row += [spread([one.small_pss_bytes / 1e6 for one in starts])]
            row += [spread([one.all_pss_bytes / 1e6 for one in starts]), f"{facts.installed_bytes / 1e6:,.0f}"]
            rows.append(row)
    head = ["", "first answer, s", "PSS after small pictures, MB", "PSS after all, MB", "packages on disk, MB"]
    return table(head, rows)


def _contenders(found: Results) -> str:
    rows = [
        [facts.title, facts.how, ", ".join(f"{name} {version}" for name, version in facts.versions.items())]
        for facts in found.contenders.values()
    ]
    return table(["", "how", "versions"], rows)


def _missing(found: Results) -> list[str]:
    return [
        f"* {facts.title} could not be measured in {facts.faults.count(fault)} of {found.rounds} rounds: {fault}"
        for facts in found.contenders.values()
        for fault in dict.fromkeys(facts.faults)
    ]


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=Path("docs/benchmarks.json"))
def main(path: Path) -> None:
    """Writes the page and the figures of stored results."""
    write(path)


if __name__ == "__main__":
    main()
