"""`python -m service serve | health | key | predict`."""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import click

_GUNICORN_CONF = Path(__file__).with_name("gunicorn.conf.py")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Serves image classifiers over HTTP; the settings are environment variables, see service/settings.py."""


@main.command()
def serve() -> None:
    """Serves the models in the foreground until Ctrl-C or SIGTERM."""
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", str(_GUNICORN_CONF)])  # noqa: S606


@main.command()
def health() -> None:
    """Exits with 0 if the service on this machine is ready; for a container's health check."""
    # Not above: `serve` is replaced by gunicorn, which would import it all a second time.
    from service.settings import read_settings

    settings = read_settings()
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "localhost") else settings.host  # noqa: S104
    # Not by a proxy, whatever the environment says.
    connection = HTTPConnection(host, settings.port, timeout=4)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        click.echo(response.read().decode().strip())
    except OSError as error:
        raise click.ClickException(f"no answer from {host}:{settings.port}: {error}") from error
    sys.exit(0 if response.status == HTTPStatus.OK else 1)


@main.command()
@click.argument("name")
@click.option("--role", "roles", type=click.Choice(["predict", "metrics", "admin"]), multiple=True, required=True,
              help="What the key opens; admin opens everything.  May be given again.")  # fmt: skip
def key(name: str, roles: tuple[str, ...]) -> None:
    """Makes a key for NAME, shown this once, and prints the line for the file that SQUINT_API_KEYS_FILE names."""
    from service import keys
    from service.errors import Fault

    try:
        made, line = keys.make(name, [role for role in keys.ROLES if role in roles])
    except Fault as fault:
        raise click.ClickException(fault.text) from fault
    click.echo(f"The key, which is kept nowhere:  {made}", err=True)
    click.echo(line)


@main.command()
@click.argument("model")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON line a file, as the service answers.")
@click.option("--version", type=click.IntRange(min=1), help="Of the model.  [default: the highest]")
@click.option("--top-k", type=click.IntRange(min=1), help="Also this many labels with the highest probabilities.")
@click.option("--seen", is_flag=True, help="Also what the model saw, and how it came about.")
def predict(
    model: str, files: tuple[str, ...], as_json: bool, version: int | None, top_k: int | None, seen: bool
) -> None:
    """Predicts files, folders of files or, for -, standard input with MODEL, without a service.

    Answers are those of the service to the last digit. A file that cannot be used is reported and the next one taken;
    then the exit status is 1.
    """
    from service import predict as offline
    from service import told
    from service.errors import Fault
    from service.images.decode import Limits
    from service.settings import read_settings

    try:
        settings = read_settings()
        opened = offline.open_model(settings, model, version)
    except Fault as fault:
        raise click.ClickException(fault.text) from fault
    labels = opened.manifest.labels
    if top_k and top_k > len(labels):
        raise click.BadParameter(f"{model} has {len(labels)} labels", param_hint="--top-k")
    limits = Limits(settings.max_image_bytes, settings.max_image_pixels, settings.max_frames)
    failed = False
    for file in offline.find(files):
        answered = offline.answer(opened, file, limits)
        failed = failed or answered.fault is not None
        line = told.as_json(answered, labels, top_k, seen) if as_json else told.as_text(answered, labels, top_k, seen)
        click.echo(line, err=answered.fault is not None and not as_json)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(prog_name="python -m service")
