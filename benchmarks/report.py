"""`python -m benchmarks.report`: docs/benchmarks.md and its figures from docs/benchmarks.json."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from benchmarks import goals, plots, profile
from benchmarks.contenders import CONTENDERS, OURS
from benchmarks.figures import Spread
from benchmarks.results import Measurement, Results
from benchmarks.workloads import WORKLOADS
from training import atomic

_HEAD = """# Benchmarks

Squint and other servers with the same model (`mnist` 2), the same pictures and the same machine. Each is set up as its own
documentation has it, with the same code that prepares a picture (`service.images`), so that what differs is the serving. Written by `make
bench`; the raw results are in [benchmarks.json](benchmarks.json). What is not compared here: what the answers are worth
(a bare app counts nothing, logs nothing, turns nobody away), other machines, the network.
"""
_HOW = """## How it was measured

* Servers take turns: {rounds} rounds, in another order each; {seconds} s a loop. In the tables: the median of the rounds, in
  brackets the lowest and the highest.
* Closed loop by {generator}, one thread: each connection, kept open, sends its next request when the last one is answered.
  wrk adds to its percentiles the requests that a stalled connection would have sent.
* Open loop by `benchmarks/load.py`: requests are sent at fixed times whether or not earlier ones were answered, over at
  most 256 connections; latency counts from the time a request was due. One that is not answered 3 s after the last was
  due counts with the time it waited. A contender gets the rates up to the first that is at least 1.25 times what it
  carried in the closed loop.
* The generator runs on the same {cores} cores. It took {generator_us} µs of a core for each answer of Squint's at 16 connections.
* Memory is PSS: the processes of a server together, what they share counted once; after the small pictures, and after all.
* Start: from the start of the process until the first right answer; asked every 20 ms.
"""


def write(path: Path) -> None:
    """The page beside the results, and its figures in a folder of the same name."""
    found = Results.model_validate_json(path.read_bytes())
    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    plots.throughput(found, "png", 16, "One 28×28 PNG a request, 16 connections", folder / "throughput.png")
    plots.throughput(found, "batch", 4, "100 PNGs a request, 4 connections", folder / "batch.png")
    plots.latency(found, folder / "latency.png")
    atomic.write_text(path.with_suffix(".md"), "\n".join(_page(found)))


def _page(found: Results) -> Iterator[str]:
    yield _HEAD
    machine = found.machine
    yield f"Taken {found.taken} on {machine.cores} cores of {machine.processor}, {machine.memory_gib:.0f} GiB, "
    yield f"{machine.system}, Python {machine.python}; `{found.command}`.\n"
    yield f"## The goals\n\n{goals.table(found)}\n"
    yield "## One small picture a request\n\n![Answers a second](benchmarks/throughput.png)\n"
    yield f"{_closed_table(found, 'png', (1, 16, 64))}\n"
    yield f"{_latency_table(found, 'png', 16)}\n"
    for key in ("png_multipart", "jpeg", "batch", "batch_multipart"):
        (connections,) = WORKLOADS[key].connections
        yield f"## {WORKLOADS[key].title[0].upper()}{WORKLOADS[key].title[1:]}, {connections} connections\n"
        yield f"{_latency_table(found, key, connections)}\n"
    yield "## At fixed arrival rates\n\n![Latency against arrival rate](benchmarks/latency.png)\n"
    yield f"{_open_table(found)}\n"
    yield f"## Memory, start, size\n\n{_start_table(found)}\n"
    yield f"## Where a request's time goes\n\n{_PROFILE}\n\n{profile.table(found.profile)}\n" if found.profile else ""
    yield _HOW.format(
        rounds=found.rounds,
        seconds=found.seconds,
        generator=found.generator,
        cores=machine.cores,
        generator_us=_spread([one.generator_us for one in found.of(OURS, "png", 16)]),
    )
    yield f"## The contenders\n\n{_contenders_table(found)}"
    yield from _missing(found)


_PROFILE = """`python -m benchmarks.profile`: the app that workers run, called 3000 times in one process without sockets, with metrics in
files and log lines formatted; medians. Sockets and HTTP's parser come on top."""


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    spread = Spread.of(values)
    return f"{_number(spread.median)} ({_number(spread.low)}–{_number(spread.high)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def _faults(measured: Sequence[Measurement]) -> str:
    counts = sum((Counter(one.faults) for one in measured), Counter[str]())
    return ", ".join(f"{status}: {count}" for status, count in counts.items()) or "none"


def _measured_by(found: Results, workload: str, connections: int) -> list[str]:
    return [name for name in found.contenders if found.of(name, workload, connections)]


def _closed_table(found: Results, workload: str, connections: Sequence[int]) -> str:
    rows = []
    for name in _measured_by(found, workload, connections[-1]):
        loops = [found.of(name, workload, count) for count in connections]
        rows.append([found.contenders[name].title, *(_spread([one.per_second for one in loop]) for loop in loops)])
    return _table(["answers a second", *(f"{count} connections" for count in connections)], rows)


def _latency_table(found: Results, workload: str, connections: int) -> str:
    ours, rows = found.of(OURS, workload, connections), []
    for name in _measured_by(found, workload, connections):
        loop = found.of(name, workload, connections)
        ratio = found.ratio(ours, loop)
        row = [found.contenders[name].title, loop[0].form, _spread([one.per_second for one in loop])]
        row += [_spread([getattr(one, share) for one in loop]) for share in ("p50_ms", "p99_ms", "p999_ms")]
        row += [_spread([one.server_us for one in loop]), f"{ratio.median:.2f}" if ratio else "–", _faults(loop)]
        rows.append(row)
    head = ["", "form", "answers/s", "p50 ms", "p99 ms", "p99.9 ms", "server's CPU, µs each", "Squint is × this", "errors"]
    return _table(head, rows)


def _open_table(found: Results) -> str:
    rows = []
    for name, facts in found.contenders.items():
        for rate in sorted({one.rate for one in found.measured if one.contender == name and one.rate}):
            loop = found.of(name, "png", None, rate)
            row = [facts.title, f"{rate:,.0f}", _spread([one.per_second for one in loop])]
            row += [_spread([getattr(one, share) for one in loop]) for share in ("p50_ms", "p99_ms", "p999_ms")]
            rows.append([*row, _faults(loop)])
    return _table(["", "due/s", "answered/s", "p50 ms", "p99 ms", "p99.9 ms", "not answered with 200"], rows)


def _start_table(found: Results) -> str:
    rows = []
    for name, facts in found.contenders.items():
        starts = [one for one in found.starts if one.contender == name]
        if starts and CONTENDERS[name].in_open_loop:
            row = [facts.title, _spread([one.first_answer_s for one in starts])]
            row += [_spread([one.small_pss_bytes / 1e6 for one in starts])]
            row += [_spread([one.all_pss_bytes / 1e6 for one in starts]), f"{facts.installed_bytes / 1e6:,.0f}"]
            rows.append(row)
    head = ["", "first answer, s", "PSS after small pictures, MB", "after everything, MB", "its packages on disk, MB"]
    return _table(head, rows)


def _contenders_table(found: Results) -> str:
    rows = [
        [facts.title, facts.how, ", ".join(f"{name} {version}" for name, version in facts.versions.items())]
        for facts in found.contenders.values()
    ]
    return _table(["", "how", "versions"], rows)


def _missing(found: Results) -> Iterator[str]:
    for facts in found.contenders.values():
        for fault in dict.fromkeys(facts.faults):
            yield f"* {facts.title} could not be measured in {facts.faults.count(fault)} rounds: {fault}"
    yield "* TensorFlow Serving and Triton are programs in C++ that no package registry has; they were not measured.\n"


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=Path("docs/benchmarks.json"))
def main(path: Path) -> None:
    """Writes the page and the figures of stored results."""
    write(path)


if __name__ == "__main__":
    main()
