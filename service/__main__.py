"""`python -m service serve | health`."""

import os
import sys
import urllib.request
from pathlib import Path

import click

from service.settings import read_settings

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
    with urllib.request.urlopen(f"http://127.0.0.1:{read_settings().port}/readyz", timeout=4) as response:
        click.echo(response.read().decode().strip())


if __name__ == "__main__":
    main(prog_name="python -m service")
