"""A training is killed again and again."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from service import manifest as contract
from tests import tiny
from tests.conftest import REPOSITORY
from tests.reliability.conftest import Tell
from tests.reliability.scale import Scale
from tests.tiny.datasets import tiny as tiny_data
from training import recipe
from training.run import Run

pytestmark = pytest.mark.reliability
# From the first sign that an attempt has begun: into its epochs, and when these are done into its export.
_LATEST_S = 4


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with the data set, known to this process too."""
    tiny.install()
    tiny_data.write(tmp_path)
    return tmp_path


def begin(data: Path, runs: Path, epochs: int) -> subprocess.Popen[bytes]:
    """The command, its output in a file beside."""
    words = ["train", "tiny", "--epochs", str(epochs), "--data-dir", str(data), "--runs-dir", str(runs)]
    with (data / "log").open("w") as log:
        return subprocess.Popen([sys.executable, "-m", "tests.tiny", *words], cwd=REPOSITORY, stdout=log, stderr=log)


def kill(process: subprocess.Popen[bytes], runs: Path) -> bool:
    """Kills it at a random moment after it has begun; whether it was still there to be killed."""
    began = time.time()
    ends = time.monotonic() + 120
    while not any(path.stat().st_mtime >= began for path in runs.glob("*/recipe.json")):
        assert process.poll() is None and time.monotonic() < ends
        time.sleep(0.01)
    time.sleep(random.uniform(0, _LATEST_S))
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def variables(runs: Path) -> list[np.ndarray]:
    (folder,) = runs.iterdir()
    found = Run(recipe.find("tiny"), 1, folder).load()
    assert found is not None
    return list(found.variables)


def test_a_training_that_is_killed_at_random_ends_bit_for_bit_as_one_that_is_not(
    data: Path, scale: Scale, tell: Tell
) -> None:
    whole, broken = data / "whole", data / "broken"
    assert begin(data, whole, scale.training_epochs).wait() == 0
    killed, found = 0, []
    while killed < scale.training_kills:
        killed += kill(begin(data, broken, scale.training_epochs), broken)
        found.append(epochs(broken))
    assert begin(data, broken, scale.training_epochs).wait() == 0
    one, other = variables(whole), variables(broken)
    tell(f"{killed} kills in {len(found)} attempts, after epochs {found} of {scale.training_epochs}; {len(one)} arrays")
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    (run,) = broken.iterdir()
    version = run / "export" / "tiny" / "1"
    contract.verify_files(version, contract.read(version))
    assert not [path for path in run.rglob("*") if path.suffix == ".part"]


def epochs(runs: Path) -> int:
    """How many are finished."""
    found = next((Run(recipe.find("tiny"), 1, folder).load() for folder in runs.iterdir()), None)
    return len(found.history) if found else 0
