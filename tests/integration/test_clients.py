"""The protocols' stock clients against the service as it runs."""

import base64
import json
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MODELS, REPOSITORY, golden, shipped
from tests.integration.server import Server, running

CLIENTS = REPOSITORY / ".venv" / "clients" / "bin" / "python"
VERSION = shipped("mnist").name
# The first counts; the others make answers long enough to be compressed.
BATCH = np.stack([np.asarray(Image.open(BytesIO(golden(label=label))))[:, :, None] for label in (7, 1, 2, 3, 4) * 8])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not CLIENTS.exists():
        pytest.skip("the protocols' stock clients are not installed: make .venv/.clients")
    with running(tmp_path_factory.mktemp("server") / "log", workers=2, models_dir=MODELS) as ready:
        yield ready


@pytest.fixture(scope="module")
def expected(server: Server) -> list[float]:
    """What the native API says of the first picture."""
    answer = json.loads(server.post("/models/mnist/predict", golden())[1])
    return list(answer["predictions"][0]["probabilities"].values())


def told_by(script: str, server: Server) -> Any:
    """What a client got, from its script."""
    task = {"pixels": BATCH.tolist(), "file": base64.b64encode(golden()).decode(), "version": VERSION}
    command = [str(CLIENTS), str(Path("tests") / "clients" / script), server.url]
    ended = subprocess.run(command, cwd=REPOSITORY, input=json.dumps(task), capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def same(got: dict[str, list[float]], expected: list[float]) -> None:
    assert got
    for how, probabilities in got.items():
        assert probabilities == pytest.approx(expected, abs=1e-6), how


def test_tritons_client_gets_everything_it_can_ask_for(server: Server, expected: list[float]) -> None:
    answer = told_by("triton_http.py", server)
    told = answer["told"]
    ready = {name: told.pop(name) for name in ("live", "ready", "model ready", "version ready", "unknown ready")}
    assert ready == {"live": True, "ready": True, "model ready": True, "version ready": True, "unknown ready": False}
    assert told["server"]["name"] == "squint" and told["model"] == told["version"]
    assert told["model"]["inputs"][0]["shape"] == [-1, 28, 28, 1] and VERSION in told["model"]["versions"]
    assert told["config"] == told["config of a version"] and told["config"]["output"][0]["dims"] == [10]
    assert {"name": "mnist", "version": VERSION, "state": "READY", "reason": ""} in told["index"]
    same(answer["probabilities"], expected)


def test_tritons_client_tells_our_sentence_of_an_error(server: Server) -> None:
    errors = told_by("triton_http.py", server)["errors"]
    assert errors["datatype"][0] == "400" and "must be UINT8 of shape [-1, 28, 28, 1]" in errors["datatype"][1]
    assert errors["model"][0] == "404" and errors["model"][1].startswith("there is no model 'nope'")


def test_kserves_client_speaks_v2(server: Server, expected: list[float]) -> None:
    answer = told_by("kserve_v2.py", server)
    assert answer["told"] == {"live": True, "ready": True, "model ready": True, "unknown ready": False}
    same(answer["probabilities"], expected)
    status, sentence = answer["errors"]["model"]
    assert status == "404" and "there is no model 'nope'" in sentence


def test_kserves_client_speaks_v1(server: Server, expected: list[float]) -> None:
    answer = told_by("kserve_v1.py", server)
    assert answer["told"] == {"live": True, "model ready": True}
    same(answer["probabilities"], expected)
    status, sentence = answer["errors"]["model"]
    assert status == "404" and "nope" in sentence
