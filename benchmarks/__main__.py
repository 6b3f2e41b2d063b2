"""`python -m benchmarks`: measures in rounds, every server in turn, and writes docs/benchmarks.md."""

from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks import load, report
from benchmarks.contenders import PEERS, SQUINT, Contender, earlier_squint
from benchmarks.measure import Row, Sample, Samples, Step, steps
from benchmarks.processes import ServerError, running


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--seconds", default=5, show_default=True, type=click.IntRange(min=1), help="Length of each load.")
@click.option("--before", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A checkout to compare.")
@click.option("--page", default=Path("docs/benchmarks.md"), show_default=True, type=click.Path(path_type=Path))
def main(rounds: int, seconds: int, before: Path | None, page: Path) -> None:
    """Compare Squint with other servers on this machine, which should do nothing else meanwhile."""
    try:
        load.check_tools()
        contenders = [SQUINT, *_installed(PEERS), *([earlier_squint(before)] if before else [])]
        conditions = f"{report.machine()} n = {rounds} rounds, {seconds} s a load."
        results: dict[Row, list[Sample]] = {}
        for number in range(rounds):
            click.echo(f"round {number + 1} of {rounds}")
            for row, sample in _round(steps(contenders, seconds), number).items():
                results.setdefault(row, []).append(sample)
    except (load.MissingToolError, ServerError) as error:
        raise click.ClickException(str(error)) from error
    report.write(page, conditions, results)
    click.echo(report.table(results))


def _installed(peers: Sequence[Contender]) -> list[Contender]:
    """The peers that start here; names the others."""
    found = []
    for peer in peers:
        try:
            with running(peer):
                found.append(peer)
        except ServerError as error:
            click.echo(f"goes on without {error}", err=True)
    return found


def _round(all_steps: Sequence[Step], number: int) -> Samples:
    """Each round begins with another step; the samples are in the order of the first round's steps."""
    first = number % len(all_steps)
    done = {index: all_steps[index]() for index in [*range(first, len(all_steps)), *range(first)]}
    return {row: sample for index in sorted(done) for row, sample in done[index].items()}


if __name__ == "__main__":
    main()
