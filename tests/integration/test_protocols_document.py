"""The commands of docs/protocols.md do what it says, against the service as it runs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MODELS, REPOSITORY
from tests.integration.server import running

DOCUMENT = (REPOSITORY / "docs" / "protocols.md").read_text()


def commands(section: str) -> str:
    """The indented lines of a section, as a script that prints one answer a line."""
    (text,) = re.findall(rf"^## {section}\b.*?(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    return "\n".join(lines).replace("curl ", "curl -sS ").replace(".venv/bin/python", sys.executable)


def test_every_command_of_tensorflow_servings_api_is_answered(tmp_path: Path) -> None:
    if not (shutil.which("curl") and shutil.which("bash")):
        pytest.skip("the document's commands need bash and curl")
    script = commands("/v1")
    with running(tmp_path / "log", workers=1, models_dir=MODELS) as server:
        script = script.replace("http://127.0.0.1:8000", server.url)
        ended = subprocess.run(["bash", "-c", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert ended.stderr == ""
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(answers) == script.count("curl ") >= 7
    assert [next(iter(answer)) for answer in answers] == [
        "models", "name", "model_spec", "predictions", "predictions", "outputs", "results",
    ]  # fmt: skip
    assert answers[3] == answers[4]
