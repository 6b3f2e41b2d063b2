"""What an interruption leaves: a run that goes on as if nothing had happened, and nothing that is half."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service import manifest as contract
from tests.conftest import REPOSITORY
from tests.training.conftest import arguments, invoke
from training import atomic, recipe
from training.run import Run

pytestmark = pytest.mark.thorough

COMMAND = [sys.executable, "-m", "tests.tiny"]


def variables(run_dir: Path) -> list[np.ndarray]:
    found = Run(recipe.find("tiny"), 1, run_dir).load()
    assert found is not None
    return list(found.variables)


def start_and_kill(words: list[str], when: Callable[[], bool], how: signal.Signals) -> int:
    """Starts the command, sends the signal as soon as `when` holds, returns its exit status."""
    process = subprocess.Popen(
        COMMAND + words,
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A shell starts its background jobs deaf to Ctrl-C, and so would be what the tests start under one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        for _ in range(6000):
            if when() or process.poll() is not None:
                break
            time.sleep(0.01)
        process.send_signal(how)
        return process.wait(60)
    finally:
        process.kill()


@pytest.fixture(scope="module")
def uninterrupted(place: Path) -> Path:
    """A runs folder with eight epochs trained in one go."""
    words = ["train", "tiny", "--epochs", "8", "--data-dir", str(place / "data"), "--runs-dir"]
    subprocess.run([*COMMAND, *words, str(place / "whole")], cwd=REPOSITORY, capture_output=True, check=True)
    return place / "whole"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_goes_on_and_ends_with_the_same_weights(
    uninterrupted: Path, place: Path, tmp_path: Path, how: signal.Signals
) -> None:
    words = ["train", "tiny", "--epochs", "8", "--data-dir", str(place / "data"), "--runs-dir"]
    stopped = tmp_path / "stopped"
    status = start_and_kill([*words, str(stopped)], lambda: any(stopped.glob("*/checkpoint.npz")), how)
    assert status != 0 and not any(stopped.glob("*/export/tiny/1"))
    again = subprocess.run([*COMMAND, *words, str(stopped)], cwd=REPOSITORY, capture_output=True, text=True)
    assert again.returncode == 0 and "resumed after epoch" in again.stdout
    one, other = (variables(next(folder.iterdir())) for folder in (uninterrupted, stopped))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_an_export_that_was_killed_leaves_nothing_half(trained: Path, place: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    shutil.rmtree(run / "export")
    words = ["package", str(run), "--data-dir", str(place / "data")]
    home = run / "export" / "tiny"
    assert start_and_kill(words, lambda: (home / ".1.part" / "variables").exists(), signal.SIGKILL) != 0
    assert not (home / "1").exists() and (home / ".1.part").exists()
    assert subprocess.run(COMMAND + words, cwd=REPOSITORY, capture_output=True).returncode == 0
    assert [path.name for path in home.iterdir()] == ["1"]
    contract.verify_files(home / "1", contract.read(home / "1"))


def test_a_run_in_use_is_not_touched_by_a_second_process(place: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / f"tiny-seed1-{recipe.fingerprint(recipe.find('tiny'))}"
    with atomic.exclusive(run):
        result = invoke("train", "tiny", *arguments(place)[:2], "--runs-dir", str(tmp_path / "runs"))
    assert result.exit_code == 1 and "in use by another process" in result.output
