"""The same commands on JAX: one device, two that share each batch, and back to the service."""

import importlib.util
import os
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
def test_several_devices_give_the_weights_of_one(alone: str, place: Path) -> None:
    two = {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    assert "cpu:0 and 1 more" in finish(start(place, "two", two))
    for one, other in zip(weights(place / "alone"), weights(place / "two"), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)


@JAX
def test_what_does_not_divide_by_the_devices_is_left_out(place: Path) -> None:
    """Neither the last of 700 training pictures nor the 100 held-out ones divide by 8."""
    eight = {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    assert "cpu:0 and 7 more" in finish(start(place, "eight", eight))


@JAX
def test_devices_among_which_a_batch_cannot_be_divided_take_no_part(alone: str, place: Path) -> None:
    three = {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=3"}
    finish(start(place, "three", three))
    for one, other in zip(weights(place / "alone"), weights(place / "three"), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)
