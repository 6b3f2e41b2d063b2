"""`python -m service serve`."""

import os
import sys
from pathlib import Path

import click

_GUNICORN_CONF = Path(__file__).with_name("gunicorn.conf.py")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Serves image classifiers over HTTP; every setting is an environment variable SQUINT_…, see service/settings.py."""


@main.command()
def serve() -> None:
    """Serves the models in the foreground until Ctrl-C or SIGTERM."""
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", str(_GUNICORN_CONF)])


if __name__ == "__main__":
    main(prog_name="python -m service")
