"""Versions that are not what they should be come while the one before serves."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import golden, shipped
from tests.integration.crowd import PREDICT
from tests.integration.load import Load
from tests.integration.processes import until
from tests.integration.server import Server, running
from tests.integration.test_watching import total
from tests.publishing import change, misstated, publish, spoil
from tests.reliability.conftest import Tell
from tests.reliability.scale import Scale

pytestmark = pytest.mark.reliability
WORKERS = 2


@pytest.fixture
def server(tmp_path: Path, models_dir: Path) -> Iterator[Server]:
    """Serves mnist/1 and looks ten times a second."""
    settings = {"models_dir": models_dir, "engine": "litert", "workers": WORKERS, "poll_interval_s": 0.1}
    with running(tmp_path / "log", log_format="text", **settings) as ready:  # type: ignore[arg-type]
        until(lambda: total(ready, "squint_model_loads_total") == WORKERS)
        yield ready


def half_copied(folder: Path) -> None:
    for name in ("model.tflite", "variables/variables.data-00000-of-00001"):
        (folder / name).unlink()


def truncated_manifest(folder: Path) -> None:
    text = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(text[: len(text) // 2])


def wrong_digest(folder: Path) -> None:
    data = bytearray((folder / "model.tflite").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.tflite").write_bytes(data)


def without_the_engine(folder: Path) -> None:
    """The engine that is asked for has no file here, and says so nowhere."""
    (folder / "model.tflite").unlink()
    restate(folder)


def other_models_file(folder: Path) -> None:
    shutil.copy(shipped("cifar10") / "model.tflite", folder)
    restate(folder)


def noise(folder: Path) -> None:
    (folder / "model.tflite").write_bytes(os.urandom(100_000))
    restate(folder)


def restate(folder: Path) -> None:
    """Has the manifest list the files as they are now, with their digests."""
    files: dict[str, Any] = json.loads((folder / "manifest.json").read_text())["files"]
    found = {name: folder / name for name in files if (folder / name).exists()}
    change(folder, files={name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()})


def not_a_model(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


FAULTS: dict[str, Callable[[Path], object]] = {
    "half copied": half_copied,
    "truncated model": spoil,
    "truncated manifest": truncated_manifest,
    "wrong digest": wrong_digest,
    "no file of the engine": without_the_engine,
    "another model's file": other_models_file,
    "noise for a model": noise,
    "other golden answers": lambda folder: change(folder, golden=misstated(folder)),
    "empty folder": not_a_model,
}


def test_no_bad_version_is_ever_served(
    server: Server, models_dir: Path, tmp_path: Path, scale: Scale, tell: Tell
) -> None:
    with Load(server, [PREDICT], golden(), 4).running() as load:
        for round_ in range(scale.version_rounds):
            for index, fault in enumerate(FAULTS.values()):
                bad = 2 + round_ * len(FAULTS) + index
                put(models_dir, bad, fault, tmp_path / "beside")
                wait_until_told(server, f"version not served: {models_dir / 'mnist' / str(bad)}")
                load.goes_on(10)
                shutil.rmtree(models_dir / "mnist" / str(bad))
        last = 2 + scale.version_rounds * len(FAULTS)
        assert {(answer.status, answer.version) for answer in load.answers} == {(200, 1)}
        publish(models_dir, last)
        wait_until_told(server, f"version loaded: mnist/{last}\n")
        load.goes_on(10)
    tell(
        f"{scale.version_rounds * len(FAULTS)} bad versions, {len(load.answers)} answers, all 200, all of good versions"
    )
    assert {(answer.status, answer.version) for answer in load.answers} == {(200, 1), (200, last)}
    assert server.get("/readyz")[0] == 200 and "Traceback" not in server.log.read_text()


def put(models_dir: Path, version: int, spoils: Callable[[Path], object], beside: Path) -> None:
    """Has a version appear that was spoilt before."""
    home = models_dir / "mnist"
    shutil.copytree(home / "1", beside)
    change(beside, version=version)
    spoils(beside)
    os.rename(beside, home / str(version))


def test_a_folder_that_is_copied_slowly_is_served_when_it_is_whole(
    server: Server, models_dir: Path, scale: Scale, tell: Tell
) -> None:
    source, target = models_dir / "mnist" / "1", models_dir / "mnist" / "2"
    files = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    with Load(server, [PREDICT], golden(), 4).running() as load:
        for file in files:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            data = (source / file).read_bytes()
            if file.name == "manifest.json":
                data = json.dumps({**json.loads(data), "version": 2}).encode()
            with (target / file).open("wb") as copy:
                for half in (data[: len(data) // 2], data[len(data) // 2 :]):
                    copy.write(half)
                    copy.flush()
                    load.goes_on(5)
        wait_until_told(server, "version loaded: mnist/2\n")
        load.goes_on(10)
    tell(f"{len(files)} files, {len(load.answers)} answers, all 200, all of whole versions")
    assert {answer.status for answer in load.answers} == {200}
    assert {answer.version for answer in load.answers} == {1, 2}


def wait_until_told(server: Server, text: str) -> None:
    """Waits until every worker has logged it."""
    ends = time.monotonic() + 60
    while server.log.read_text().count(text) < WORKERS:
        assert server.process.poll() is None and time.monotonic() < ends, server.log.read_text()[-3000:]
        time.sleep(0.02)
