"""What a folder's changes mean for readiness, and the thread that looks for them."""

import logging
import shutil
import threading
from pathlib import Path

import pytest

from service.inference.registry import Registry
from service.inference.watch import Watch
from tests.publishing import loaded, publish, served, settle

_DEADLINE_S = 30


@pytest.fixture
def registry(models_dir: Path) -> Registry:
    """mnist/1, loaded."""
    return loaded(models_dir)


def test_a_model_that_came_bad_takes_readiness_from_nobody(registry: Registry, models_dir: Path) -> None:
    (models_dir / "other").mkdir()
    (publish(models_dir, 1, name="other") / "model.tflite").unlink()
    settle(registry)
    assert registry.model("other").faults and registry.unready() is None
    # A worker that is born now is told what there was at the start; without that it waits for all it finds.
    later = Registry(models_dir, "litert", 1, required=frozenset({"mnist"}))
    later.load()
    assert later.unready() is None
    first = Registry(models_dir, "litert", 1)
    first.load()
    assert first.unready() == "no version could be loaded of: other"


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
def test_a_folder_that_is_not_mounted_any_more_leaves_what_is_loaded_serving(
    registry: Registry, models_dir: Path, tmp_path: Path, left: str, caplog: pytest.LogCaptureFixture
) -> None:
    models_dir.rename(tmp_path / "elsewhere")
    if left != "nothing":
        models_dir.mkdir()
    settle(registry)
    settle(registry)
    assert served(registry) == 1 and registry.unready() is None
    assert registry.fault and str(models_dir) in registry.fault
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1
    shutil.rmtree(models_dir, ignore_errors=True)
    (tmp_path / "elsewhere").rename(models_dir)
    settle(registry)
    assert served(registry) == 1 and registry.fault is None


def test_a_service_that_began_with_nothing_serves_what_comes(tmp_path: Path, models_dir: Path) -> None:
    registry = Registry(tmp_path / "later", "litert", 1)
    registry.load()
    assert registry.unready() == "there is no model to serve"
    shutil.copytree(models_dir, tmp_path / "later")
    settle(registry)
    assert served(registry) == 1 and registry.unready() is None


def test_a_watch_swaps_in_what_comes_and_ends_when_told(registry: Registry, models_dir: Path) -> None:
    came = threading.Event()
    registry.observe(lambda change: came.set() if change.version == 2 else None)
    watch = Watch(registry, interval_s=0.01)
    watch.start()
    publish(models_dir, 2)
    assert came.wait(_DEADLINE_S)
    watch.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "models-watch"]
    assert served(registry) == 2
    publish(models_dir, 3)
    assert served(registry) == 2


def test_a_look_that_fails_is_logged_once_and_followed_by_others(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks, enough = iter(range(100)), threading.Event()

    def failing() -> None:
        if next(looks) == 5:
            enough.set()
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(registry, "look", failing)
    watch = Watch(registry, interval_s=0.001)
    watch.start()
    assert enough.wait(_DEADLINE_S)
    watch.stop()
    assert len([record for record in caplog.records if record.exc_info]) == 1
