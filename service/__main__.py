"""`python -m service serve | health`."""

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


if __name__ == "__main__":
    main(prog_name="python -m service")
