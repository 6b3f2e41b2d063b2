"""A worker that cannot answer does not take the place of one that can, however it came to be there."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import golden
from tests.integration.crowd import PREDICT, Crowd
from tests.integration.processes import living_workers, until, wait_for_workers, workers_of
from tests.integration.server import Server, running
from tests.publishing import change, misstated, spoil


@contextmanager
def served(tmp_path: Path, models_dir: Path, workers: int) -> Iterator[Server]:
    with running(tmp_path / "log", workers=workers, models_dir=models_dir, poll_interval_s=0.1) as server:
        loaded = f'squint_model_loads_total{{model="mnist",outcome="loaded",version="1"}} {workers}.0'
        until(lambda: loaded in server.get("/metrics")[1])
        yield server


def put_away(models_dir: Path) -> Callable[[], object]:
    """Returns what brings it back."""
    away = models_dir.with_name("away")
    models_dir.rename(away)
    return lambda: away.rename(models_dir)


def damage(models_dir: Path) -> Callable[[], object]:
    """Returns what mends it."""
    version = models_dir / "mnist" / "1"
    kept = shutil.copy(version / "model.tflite", models_dir.with_name("kept"))
    spoil(version)
    return lambda: shutil.copy(kept, version / "model.tflite")


@pytest.mark.parametrize("harm", [put_away, damage])
def test_sighup_replaces_no_worker_that_can_answer_by_one_that_cannot(
    tmp_path: Path, models_dir: Path, harm: Callable[[Path], Callable[[], object]]
) -> None:
    with served(tmp_path, models_dir, 2) as server, Crowd(server, 4).asking() as crowd:
        before = living_workers(server)
        mend = harm(models_dir)
        server.signal(signal.SIGHUP)
        wait_for_workers(server, 4)
        crowd.wait_for(100)
        assert set(before) <= set(living_workers(server)) and server.get("/readyz")[0] == 200
        mend()
        until(lambda: not set(before) & set(living_workers(server)))
        crowd.wait_for(100)
    assert set(crowd.outcomes) <= {"200"}, crowd.outcomes


def test_the_service_ends_while_a_worker_stands_by(tmp_path: Path, models_dir: Path) -> None:
    with served(tmp_path, models_dir, 2) as server:
        put_away(models_dir)
        os.kill(workers_of(server)[0], signal.SIGKILL)
        wait_for_workers(server, 3)
        until(lambda: "is no folder" in server.log.read_text())
        assert server.post(PREDICT, golden())[0] == 200
        server.signal(signal.SIGTERM)
        assert server.process.wait(30) == 0


def test_a_killed_workers_successor_stands_by_while_another_can_answer(tmp_path: Path, models_dir: Path) -> None:
    with served(tmp_path, models_dir, 2) as server:
        mend = put_away(models_dir)
        os.kill(workers_of(server)[0], signal.SIGKILL)
        wait_for_workers(server, 3)
        until(lambda: "is no folder" in server.log.read_text())
        assert {server.post(PREDICT, golden())[0] for _ in range(20)} == {200}
        os.kill(workers_of(server)[1], signal.SIGKILL)
        # Nobody can answer: that is told as such, and not as an unknown model.
        wait_for_workers(server, 4)
        until(lambda: status(server) == 503)
        mend()
        until(lambda: {server.post(PREDICT, golden())[0] for _ in range(20)} == {200})


def status(server: Server) -> int | None:
    """None while nobody listens to the connection."""
    try:
        return server.post(PREDICT, golden())[0]
    except OSError:
        return None


def test_an_old_worker_serves_on_as_long_as_its_successor_cannot_load_a_model(tmp_path: Path, models_dir: Path) -> None:
    with served(tmp_path, models_dir, 1) as server, Crowd(server, 4).asking() as crowd:
        (old,) = workers_of(server)
        stated = json.loads((models_dir / "mnist" / "1" / "manifest.json").read_text())["golden"]
        # Digests hold, so that only an engine finds it out.
        change(models_dir / "mnist" / "1", golden=misstated(models_dir / "mnist" / "1"))
        server.signal(signal.SIGHUP)
        wait_for_workers(server, 2)
        until(lambda: server.log.read_text().count("version not served") >= 2)
        crowd.wait_for(200)
        assert old in living_workers(server)
        change(models_dir / "mnist" / "1", golden=stated)
        until(lambda: old not in living_workers(server))
        crowd.wait_for(100)
    assert set(crowd.outcomes) <= {"200"}, crowd.outcomes
