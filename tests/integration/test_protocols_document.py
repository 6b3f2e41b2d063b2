"""The commands of docs/protocols.md do what it says, against the service as it runs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MODELS, REPOSITORY
from tests.integration.server import running

DOCUMENT = (REPOSITORY / "docs" / "protocols.md").read_text()


def commands(section: str) -> str:
    """The indented lines of a section, as a script that prints one answer a line."""
    (text,) = re.findall(rf"^## {section}\b.*?(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    return "\n".join(lines).replace("curl ", "curl -sS ").replace(".venv/bin/python", sys.executable)


def answers_to(section: str, tmp_path: Path) -> list[Any]:
    """What the commands of a section print, each of them one line of JSON."""
    if not (shutil.which("curl") and shutil.which("bash")):
        pytest.skip("the document's commands need bash and curl")
    script = commands(section)
    with running(tmp_path / "log", workers=1, models_dir=MODELS) as server:
        script = script.replace("http://127.0.0.1:8000", server.url)
        ended = subprocess.run(["bash", "-c", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert ended.stderr == ""
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(answers) == script.count("curl ") >= 7
    return answers


def test_every_command_of_tensorflow_servings_api_is_answered(tmp_path: Path) -> None:
    answers = answers_to("/v1", tmp_path)
    assert [next(iter(answer)) for answer in answers] == [
        "models", "name", "model_spec", "predictions", "predictions", "outputs", "results",
    ]  # fmt: skip
    assert answers[3] == answers[4]


def test_every_command_of_the_open_inference_protocol_is_answered(tmp_path: Path) -> None:
    *told, index, json_answer, classes = answers_to("/v2", tmp_path)
    assert [next(iter(answer)) for answer in told] == ["name", "ready", "models", "name", "name"]
    assert {entry["state"] for entry in index} == {"READY"}
    (probabilities,), (likeliest,) = json_answer["outputs"], classes["outputs"]
    (first,) = re.findall(r'"id": "42".*"data": \[(.*?),', DOCUMENT)
    assert json_answer["id"] == "42" and probabilities["data"][0] == pytest.approx(float(first), abs=1e-4)
    (shown,) = re.findall(r'^"data": (\[.*\])$', DOCUMENT, re.MULTILINE)
    for text, told_text in zip(likeliest["data"], json.loads(shown), strict=True):
        (value, index, label), (told_value, *told_class) = text.split(":"), told_text.split(":")
        assert [index, label] == told_class and float(value) == pytest.approx(float(told_value), abs=1e-4)
