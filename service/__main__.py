"""`python -m service serve | settings | health | key | predict | check`."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from service.atomic import new_file

if TYPE_CHECKING:
    from service.offline.predict import Line, Teller

_GUNICORN_CONF = Path(__file__).with_name("gunicorn.conf.py")
# glibc reads these at the start of a process. By default it keeps most of what a large picture took.
MALLOC_LIMITS = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(8 * 2**20),
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Serves image classifiers over HTTP; `serve --help` lists the settings, which all commands heed."""


class _Serve(click.Command):
    """A command whose help ends with the settings."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists every setting."""
        from service.settings import as_pairs

        with formatter.section("Settings, as environment variables"):
            formatter.write_dl(as_pairs(), col_max=40)


@main.command(cls=_Serve)
def serve() -> None:
    """Serves the models in the foreground until Ctrl-C or SIGTERM."""
    command = [sys.executable, "-m", "gunicorn", "--config", str(_GUNICORN_CONF)]
    os.execve(sys.executable, command, {**MALLOC_LIMITS, **os.environ})  # noqa: S606


@main.command()
def settings() -> None:
    """Prints every setting as a Markdown table, that of docs/settings.md."""
    from service.settings import as_markdown

    click.echo(as_markdown(), nl=False)


@main.command()
def health() -> None:
    """Exits with 0 if the service on this machine is ready; for a container's health check."""
    # Not above: `serve` is replaced by gunicorn, which would import it all a second time.
    from service.settings import read_settings

    chosen = read_settings()
    host = "127.0.0.1" if chosen.host in ("0.0.0.0", "::", "localhost") else chosen.host  # noqa: S104
    # Not by a proxy, whatever the environment says.
    connection = HTTPConnection(host, chosen.port, timeout=4)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        click.echo(response.read().decode().strip())
    except OSError as error:
        raise click.ClickException(f"no answer from {host}:{chosen.port}: {error}") from error
    sys.exit(0 if response.status == HTTPStatus.OK else 1)


@main.command()
@click.argument("name")
@click.option("--role", "roles", type=click.Choice(["predict", "metrics", "admin"]), multiple=True, required=True,
              help="What the key opens; admin opens everything.  May be given again.")  # fmt: skip
def key(name: str, roles: tuple[str, ...]) -> None:
    """Makes a key for NAME, shown this once, and prints the line for the file that SQUINT_API_KEYS_FILE names."""
    from service import auth
    from service.errors import Fault

    try:
        made, line = auth.make(name, [role for role in auth.ROLES if role in roles])
    except Fault as fault:
        raise click.ClickException(fault.text) from fault
    click.echo(f"The key, which is kept nowhere:  {made}", err=True)
    click.echo(line)


@main.command("predict")
@click.argument("model")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON line a file, as the service answers.")
@click.option("--version", type=click.IntRange(min=1), help="Of the model.  [default: the highest]")
@click.option("--top-k", type=click.IntRange(min=1), help="Also this many labels with the highest probabilities.")
@click.option("--seen", is_flag=True, help="Also what the model saw, and how it came about.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File for the lines; it appears whole.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes, if there are files for all.  [default: the cores]")
@click.option(
    "--ray", metavar="ADDRESS", help="By Ray Data on this cluster, or on one started here for `local`; an extra."
)
def predict_files(model: str, files: tuple[str, ...], as_json: bool, version: int | None, top_k: int | None, seen: bool,
            output: Path | None, jobs: int | None, ray: str | None) -> None:  # fmt: skip
    """Predicts files, folders of files or, for -, standard input with MODEL, without a service.

    Answers are those of the service to the last digit, in the order of the files. A file that cannot be used is
    reported and the next one taken; then the exit status is 1. With --ray they may lie in an object store too.
    """
    from service.cores import allotted_cores
    from service.errors import Fault
    from service.offline import crew, predict
    from service.settings import read_settings

    try:
        teller = predict.Teller(predict.Asked(read_settings(), model, version, as_json, top_k, seen))
        sources, jobs = predict.find(files), jobs or allotted_cores()
        lines = _on_ray(teller, files, ray) if ray else crew.lines(teller, sources, jobs)
        with _written(output) as place:
            failed = _tell(lines, place, as_json)
    except predict.TooManyLabels as fault:
        raise click.BadParameter(fault.text, param_hint="--top-k") from fault
    except Fault as fault:
        raise click.ClickException(fault.text) from fault
    sys.exit(1 if failed else 0)


def _on_ray(teller: "Teller", files: tuple[str, ...], address: str) -> "Iterator[Line]":
    try:
        from service.offline import ray_data
    except ImportError as error:
        told = f"--ray needs the extra: pip install --require-hashes -r requirements/ray.txt ({error})"
        raise click.ClickException(told) from error
    return ray_data.lines(teller, files, address)


@contextmanager
def _written(output: Path | None) -> Iterator[IO[str] | None]:
    """A file that appears whole at the end of the block, or nothing for standard output."""
    if output is None:
        yield None
        return
    try:
        with new_file(output) as part, part.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from error


def _tell(lines: "Iterable[Line]", place: IO[str] | None, as_json: bool) -> int:
    """Writes the lines, for people those of failures apart; returns how many these were."""
    count = failed = 0
    for line in lines:
        count, failed = count + 1, failed + line.failed
        apart = line.failed and not as_json
        click.echo(line.text, file=None if apart else place, err=apart)
    if failed and count > 1:
        click.echo(f"{failed} of {count} files could not be used", err=True)
    return failed


@main.command("check")
@click.argument("models", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def check_models(models: Path | None, as_json: bool) -> None:
    """Judges a folder of models, of one model, or of one version, without a service.

    MODELS is SQUINT_MODELS_DIR by default. Manifest, digests and operations must hold, and every engine that is
    installed must answer the golden pictures, as the others do. The exit status is 1 if there is a fault.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from service.errors import Fault
    from service.inference import check
    from service.settings import read_settings

    try:
        report = check.judge(models or read_settings().models_dir)
    except Fault as fault:
        raise click.ClickException(fault.text) from fault
    click.echo(check.as_json(report) if as_json else check.as_text(report))
    sys.exit(1 if report.faults else 0)


if __name__ == "__main__":
    main(prog_name="python -m service")
