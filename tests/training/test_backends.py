"""The same commands on JAX: one process, two processes that share each batch, and back to the service."""

import importlib.util
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from service import manifest as contract
from tests import tiny
from tests.app import app_over
from tests.conftest import REPOSITORY
from tests.tiny.datasets import tiny as tiny_data
from training import run as runs

pytestmark = pytest.mark.thorough

JAX = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is an extra: pip install -r requirements/jax.txt"
)


def start(
    folder: Path, runs_dir: str, environment: Mapping[str, str], *words: str, recipe: str = "tiny"
) -> subprocess.Popen[str]:
    places = ["--data-dir", str(folder), "--runs-dir", str(folder / runs_dir), "--models-dir", str(folder / "models")]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.tiny", "train", recipe, *places, *words],
        cwd=REPOSITORY,
        env=os.environ | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return output


def weights(runs_dir: Path) -> list[np.ndarray]:
    tiny.install()
    (folder,) = runs_dir.iterdir()
    checkpoint = runs.open_run(folder).load()
    assert checkpoint is not None
    return [np.asarray(values) for values in checkpoint.variables]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backends")
    tiny_data.write(folder)
    return folder


@pytest.fixture(scope="module")
def alone(place: Path) -> str:
    """What one process on JAX says; its run lies in place/alone, its version in place/models."""
    return finish(start(place, "alone", {"KERAS_BACKEND": "jax"}, "--publish"))


@JAX
def test_jax_trains_and_tensorflow_exports_what_is_served(alone: str, place: Path) -> None:
    assert "cpu:0, float32" in alone and "published" in alone
    manifest = contract.read(place / "models" / "tiny" / "1")
    assert manifest.provenance is not None and (manifest.engines["litert"].accuracy or 0) > 0.9
    assert app_over(place / "models").test_client().get("/readyz").status_code == 200


@JAX
def test_a_run_on_jax_goes_on_where_it_was_stopped(alone: str, place: Path) -> None:
    jax = {"KERAS_BACKEND": "jax"}
    with start(place, "stopped", jax) as first:
        while first.poll() is None and not any((place / "stopped").glob("*/checkpoint.npz")):
            time.sleep(0.01)
        first.kill()
    assert "resumed after epoch" in finish(start(place, "stopped", jax))
    for one, other in zip(weights(place / "alone"), weights(place / "stopped"), strict=True):
        assert np.array_equal(one, other)


@JAX
@pytest.mark.parametrize("recipe", ["tiny_number", "tiny_whole", "tiny_unchanged"])
def test_epochs_on_the_device_give_the_weights_of_those_from_the_host(place: Path, recipe: str) -> None:
    for where in ("host", "device"):
        finish(start(place, f"{recipe}-{where}", {"KERAS_BACKEND": "jax"}, f"--on-{where}", recipe=recipe))
    pairs = zip(weights(place / f"{recipe}-host"), weights(place / f"{recipe}-device"), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@JAX
def test_a_run_on_the_device_goes_on_where_it_was_stopped(place: Path) -> None:
    jax = {"KERAS_BACKEND": "jax"}
    assert re.search(r"test loss .*, accuracy (9\d|100)", finish(start(place, "device", jax, "--on-device")))
    with start(place, "device-stopped", jax, "--on-device") as first:
        while first.poll() is None and not any((place / "device-stopped").glob("*/checkpoint.npz")):
            time.sleep(0.01)
        first.kill()
    refused = start(place, "device-stopped", jax, "--on-host")
    assert "go on with --on-device" in refused.communicate(timeout=300)[0] and refused.returncode == 1
    assert "resumed after epoch" in finish(start(place, "device-stopped", jax))
    for one, other in zip(weights(place / "device"), weights(place / "device-stopped"), strict=True):
        assert np.array_equal(one, other)


@JAX
def test_two_processes_give_the_weights_of_one(alone: str, place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    job = {
        "KERAS_BACKEND": "jax",
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
    }
    both = [
        start(place, "shared", job | {"KERAS_DISTRIBUTION_PROCESS_ID": str(number)}, "--publish") for number in range(2)
    ]
    leader, follower = (finish(process) for process in both)
    assert "process 1 of 2" in leader and "exported" in leader and "published" in leader
    assert "process 2 of 2" in follower and "first process of the job" in follower
    for one, other in zip(weights(place / "alone"), weights(place / "shared"), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def test_a_job_on_a_backend_that_cannot_share_is_refused(place: Path) -> None:
    process = start(
        place, "refused", {"KERAS_BACKEND": "tensorflow", "KERAS_DISTRIBUTION_JOB_ADDRESSES": "127.0.0.1:1"}
    )
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1 and "needs KERAS_BACKEND=jax" in output and "Traceback" not in output


def test_another_backend_keeps_nothing_on_the_device(place: Path) -> None:
    process = start(place, "refused", {"KERAS_BACKEND": "tensorflow"}, "--on-device")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 2 and "needs KERAS_BACKEND=jax" in output and "Traceback" not in output
