"""What the parent has read is what its workers load."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.inference import engines, shared
from service.manifest import LITERT_FILE
from tests.conftest import REPOSITORY


@pytest.fixture(autouse=True)
def nothing_else() -> Iterator[None]:
    yield
    shared.keep([])


@pytest.fixture
def file(models_dir: Path) -> Path:
    return models_dir / "mnist" / "1" / LITERT_FILE


def test_the_same_bytes_are_the_same_memory(file: Path) -> None:
    shared.keep([file])
    assert shared.read(file) is shared.read(file)


def test_a_file_that_was_written_since_is_read_as_it_is_now(file: Path) -> None:
    shared.keep([file])
    file.write_bytes(b"another one")
    assert shared.read(file) == b"another one"


def test_what_was_kept_before_is_let_go(file: Path) -> None:
    shared.keep([file])
    shared.keep([])
    assert shared.read(file) is not shared.read(file)


def test_a_file_that_cannot_be_read_is_left_to_whoever_loads_it(file: Path) -> None:
    shared.keep([file.with_name("gone"), file])
    assert shared.read(file) is shared.read(file)
    with pytest.raises(FileNotFoundError):
        shared.read(file.with_name("gone"))


def test_an_engine_takes_what_is_shared(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.inference.engines import litert

    taken: list[bytes] = []
    monkeypatch.setattr(litert, "_Model", taken.append)
    shared.keep([file])
    engines.load("litert", file.parent, threads=2)
    assert taken == [shared.read(file)] * 2 and all(content is shared.read(file) for content in taken)


PROGRAM = """
import runpy, shutil, sys
from pathlib import Path
from types import SimpleNamespace
from service.inference import shared

def is_kept():
    return shared.read(file) is shared.read(file)

models_dir = Path(sys.argv[1])
file = models_dir / "mnist" / "1" / "model.tflite"
conf = runpy.run_path("service/gunicorn.conf.py")
cfg = SimpleNamespace(bind=["elsewhere"])
parent = SimpleNamespace(START_CTX={}, WORKERS={}, reload=None, cfg=cfg, systemd=False)
conf["on_starting"](parent)
assert is_kept() is (sys.argv[2] == "auto"), "at the start"
file.write_bytes(b"another one, of some length")
assert not is_kept()
conf["on_reload"](parent)
assert is_kept() is (sys.argv[2] == "auto"), "at SIGHUP"
shutil.move(models_dir, models_dir.with_name("away"))
conf["on_reload"](parent)
conf["on_exit"](parent)
"""


@pytest.mark.parametrize("engine", ["auto", "tensorflow"])
def test_the_parent_reads_for_litert_at_the_start_and_at_sighup(models_dir: Path, engine: str) -> None:
    if engine == "tensorflow":
        pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    environment = os.environ | {"SQUINT_MODELS_DIR": str(models_dir), "SQUINT_ENGINE": engine}
    command = [sys.executable, "-c", PROGRAM, str(models_dir), engine]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)
