"""Each `curl` command of README.md and docs/ is answered as it is copied; protocols.md has a test of its own."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from service import auth
from service.inference.version_labels import FILE_NAME as LABELS_FILE
from tests.conftest import MODELS, REPOSITORY, SHIPPED
from tests.integration.server import running

PATHS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
PAGES = {str(path.relative_to(REPOSITORY)): path.read_text() for path in PATHS if path.name != "protocols.md"}
KEY = "SQUINT_API_KEY"


class Command(NamedTuple):
    """A command of a page, and the model that it asks."""

    page: str
    text: str
    model: str


def commands() -> Iterator[Command]:
    """The commands of all pages, with the lines that continue them."""
    for page, text in PAGES.items():
        for command in re.findall(r"^ {4}(curl (?:.*\\\n)*.*)$", text, re.MULTILINE):
            (model,) = re.findall(r"/models/(\w+)/(?:\w+/\w+/)?predict\b", command)
            yield Command(page, command, model)


COMMANDS = list(commands())


def status(command: Command, url: str, **variables: str) -> str:
    """What a shell's command is answered with; it begins in the repository's folder."""
    text = command.text.replace("http://127.0.0.1:8000", url).replace("curl ", "curl -sS -w '\\n%{http_code}' ")
    environment = os.environ | variables
    ended = subprocess.run(["bash", "-c", text], cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert ended.stderr == ""
    return ended.stdout.splitlines()[-1]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The shipped models, of which mnist has a label."""
    if not (shutil.which("curl") and shutil.which("bash")):
        pytest.skip("the commands need bash and curl")
    folder = shutil.copytree(MODELS, tmp_path / "models")
    (folder / "mnist" / LABELS_FILE).write_text('{"stable": 2}')
    return folder


def test_a_command_for_a_shipped_model_is_answered(models: Path, tmp_path: Path) -> None:
    asked = [command for command in COMMANDS if command.model in SHIPPED and KEY not in command.text]
    with running(tmp_path / "log", workers=1, models_dir=models) as server:
        answered = {command: status(command, server.url) for command in asked}
    assert len(asked) >= 7 and set(answered.values()) == {"200"}, answered


def test_a_command_with_a_key_is_answered_where_keys_are_needed(models: Path, tmp_path: Path) -> None:
    asked = [command for command in COMMANDS if KEY in command.text]
    key, line = auth.make("phone", ["predict"])
    (tmp_path / "keys").write_text(line)
    with running(tmp_path / "log", workers=1, models_dir=models, api_keys_file=tmp_path / "keys") as server:
        assert asked and {status(command, server.url, **{KEY: key}) for command in asked} == {"200"}
        assert {status(command, server.url, **{KEY: "another"}) for command in asked} == {"401"}


def test_a_command_for_another_model_follows_the_one_that_trains_it() -> None:
    for command in COMMANDS:
        if command.model not in SHIPPED:
            before = PAGES[command.page].split(command.text)[0]
            assert f"training train-folder --images pictures/ --name {command.model} " in before, command
