"""`python -m service serve`."""

import os
import sys
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


if __name__ == "__main__":
    main(prog_name="python -m service")
