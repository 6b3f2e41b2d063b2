"""`python -m benchmarks.compare`: Squint and its peers in turn, several rounds; writes docs/benchmarks.json and page.

To be run on a machine that does nothing else. What is not installed or does not start is told with its reason.
"""

import json
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmarks import profile, report, results
from benchmarks.ceiling import batches_per_second
from benchmarks.closed import generator
from benchmarks.contenders import CONTENDERS, OURS, Contender
from benchmarks.measure import turn
from benchmarks.results import Facts, Profile, Results
from benchmarks.running import NotStarted

JSON = Path("docs/benchmarks.json")


def _facts(contender: Contender) -> Facts:
    facts = Facts(title=contender.title, how=contender.how)
    command = [str(contender.python), "-m", "benchmarks.installed", *contender.packages]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return facts  # its start will say why
    found = json.loads(told.stdout)
    return facts.model_copy(update={"versions": found["versions"], "installed_bytes": found["bytes"]})


def _chosen(peers: str) -> list[str]:
    wanted = [name for name in peers.replace(",", " ").split() if name]
    if unknown := set(wanted) - CONTENDERS.keys():
        raise click.BadParameter(f"{', '.join(sorted(unknown))}; there are: {', '.join(CONTENDERS)}")
    return list(dict.fromkeys([OURS, *wanted])) if wanted else list(CONTENDERS)


def _round(found: Results, number: int) -> None:
    """Every contender once, in an order that is another one each round."""
    order = list(found.contenders)
    random.Random(number).shuffle(order)
    for name in order:
        click.echo(f"{datetime.now(UTC):%H:%M:%S} round {number + 1} of {found.rounds}: {name}", err=True)
        try:
            start, measured = turn(name, CONTENDERS[name], number, found.seconds)
        except NotStarted as reason:
            click.echo(f"  {reason}", err=True)
            found.contenders[name].faults.append(str(reason))
        else:
            found.starts.append(start)
            found.measured += measured
    found.ceiling_per_second.append(batches_per_second(found.seconds, found.machine.cores))


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--seconds", default=3, show_default=True, help="Length of each loop.")
@click.option("--peers", default="", help="Names with commas or blanks between them; by default all.")
@click.option("--code", default=results.code, help="What is told of the code measured; by default its commit.")
@click.option(
    "--before", type=click.Path(exists=True, path_type=Path), help="Profile of earlier code, to stand beside."
)
@click.option("--to", type=click.Path(path_type=Path), default=JSON, show_default=True)
def main(rounds: int, seconds: int, peers: str, code: str, before: Path | None, to: Path) -> None:
    """Measures, stores what was measured after each round, and writes the page."""
    found = Results(
        taken=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        code=code,
        command=" ".join(["python -m benchmarks.compare", *sys.argv[1:]]),
        rounds=rounds,
        seconds=seconds,
        generator=generator(),
        machine=results.machine(),
        profile_before=Profile.model_validate_json(before.read_bytes()) if before else None,
        contenders={name: _facts(CONTENDERS[name]) for name in _chosen(peers)},
    )
    for number in range(rounds):
        _round(found, number)
        results.write(to, found)
    found.profile = Profile(code=code, stages=profile.stages())
    results.write(to, found)
    report.write(to)


if __name__ == "__main__":
    main()
