"""The container image, built and run by whatever script SQUINT_CONTAINER names.

The script takes `build [ARG …]` and `run [CMD …]`, the image's name from the variable IMAGE, and runs on the host's
network.
"""

import json
import os
import re
import subprocess

import pytest

from tests.conftest import REPOSITORY
from tests.integration.server import SETTINGS

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


def command(target: str) -> list[str]:
    """Builds a target and returns the command that serves from it as its image's CMD does; skips without a script."""
    script = os.environ.get("SQUINT_CONTAINER")
    if not script:
        pytest.skip("SQUINT_CONTAINER does not name a script that builds and runs images")
    name = f"IMAGE=localhost/squint-{target}"
    subprocess.run(["env", name, script, "build", "--target", target], cwd=REPOSITORY, check=True, capture_output=True)
    return ["env", name, script, "run", SETTINGS, *image_command()]


def image_command() -> list[str]:
    """The words of the Dockerfile's last CMD, which must have the exec form."""
    words: list[str] = json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
    return words
