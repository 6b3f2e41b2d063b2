"""What changes on disk while the service runs is noticed, checked and swapped in; what is bad changes nothing."""

import gc
import logging
import os
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import NotReady, UnknownModel, UnknownVersion
from service.inference import classifier, folders
from service.inference.registry import Change, Registry
from tests.publishing import change, loaded, misstated, publish, served, settle


@pytest.fixture
def registry(models_dir: Path) -> Registry:
    """mnist/1, loaded."""
    return loaded(models_dir)


@pytest.fixture
def changes(registry: Registry) -> list[Change]:
    told: list[Change] = []
    registry.observe(told.append)
    return told


def test_a_new_version_is_served_once_it_was_seen_twice(
    registry: Registry, models_dir: Path, changes: list[Change]
) -> None:
    publish(models_dir, 2)
    registry.look()
    assert served(registry) == 1 and registry.model("mnist").faults == {}
    registry.look()
    assert served(registry) == 2 and registry.get("mnist", 1).manifest.version == 1
    assert changes == [Change("mnist", 2, "loaded", ready=True)]


def test_a_look_at_what_did_not_change_reads_nothing_and_changes_nothing(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, models_dir: Path
) -> None:
    (publish(models_dir, 2) / "model.tflite").write_bytes(b"half")
    settle(registry)
    before = registry.models()
    monkeypatch.setattr(folders, "examine", lambda *_: pytest.fail("examined again"))
    settle(registry)
    settle(registry)
    assert registry.models() is before


def test_a_bad_version_is_told_once_while_the_one_before_serves(
    registry: Registry, models_dir: Path, changes: list[Change], caplog: pytest.LogCaptureFixture
) -> None:
    publish(models_dir, 2, golden=misstated(models_dir / "mnist" / "1"))
    for _ in range(5):
        registry.look()
    assert served(registry) == 1 and "golden/0.png" in registry.model("mnist").faults[2]
    assert registry.unready() is None
    assert changes == [Change("mnist", 2, "failed", ready=False)]
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1
    with pytest.raises(NotReady):
        registry.get("mnist", 2)


def test_a_bad_version_that_was_mended_is_served(registry: Registry, models_dir: Path, changes: list[Change]) -> None:
    folder = publish(models_dir, 2)
    whole = (folder / "model.tflite").read_bytes()
    (folder / "model.tflite").write_bytes(whole[:1000])
    settle(registry)
    assert "SHA-256" in registry.model("mnist").faults[2]
    (folder / "model.tflite").write_bytes(whole)
    settle(registry)
    assert served(registry) == 2 and registry.model("mnist").faults == {}
    assert [one.outcome for one in changes] == ["failed", "loaded"]


def test_a_folder_that_is_still_being_copied_is_left_alone(
    registry: Registry, models_dir: Path, changes: list[Change]
) -> None:
    source, target = models_dir / "mnist" / "1", models_dir / "mnist" / "2"
    for path in sorted(source.rglob("*")):
        there = target / path.relative_to(source)
        if path.is_dir():
            there.mkdir(parents=True, exist_ok=True)
        else:
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)
        registry.look()
    assert served(registry) == 1 and registry.model("mnist").faults == {}
    change(target, version=2)
    settle(registry)
    assert served(registry) == 2 and [one.outcome for one in changes] == ["loaded"]


def test_a_version_that_changes_while_it_is_loaded_is_judged_anew(
    registry: Registry, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = publish(models_dir, 2)
    examine: Callable[[Path, str], folders.Found] = folders.examine

    def changing(path: Path, engine: str) -> folders.Found:
        found = examine(path, engine)
        change(folder, temperature=2.0)
        return found

    monkeypatch.setattr(folders, "examine", changing)
    settle(registry)
    assert served(registry) == 1 and "was changed while it was loaded" in registry.model("mnist").faults[2]
    monkeypatch.setattr(folders, "examine", examine)
    settle(registry)
    assert registry.get("mnist", 2).manifest.temperature == 2.0


def test_files_changed_in_place_are_swapped_in(registry: Registry, models_dir: Path, changes: list[Change]) -> None:
    before = registry.get("mnist")
    change(models_dir / "mnist" / "1", temperature=2.0)
    settle(registry)
    assert registry.get("mnist").manifest.temperature == 2.0 != before.manifest.temperature
    assert changes == [Change("mnist", 1, "loaded", ready=True)]


@pytest.mark.parametrize("file", ["model.tflite", "golden/3.png"])
def test_a_file_written_in_place_with_its_old_size_and_times_is_noticed(
    registry: Registry, models_dir: Path, file: str
) -> None:
    path = models_dir / "mnist" / "1" / file
    before = path.stat()
    path.write_bytes(bytes(before.st_size))
    # As `cp --preserve` and `rsync --inplace --times` leave it.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    settle(registry)
    assert f"{file}: its SHA-256" in registry.model("mnist").faults[1]


def test_bad_files_in_place_of_good_ones_leave_those_in_memory_serving(
    registry: Registry, models_dir: Path, changes: list[Change]
) -> None:
    before = registry.get("mnist")
    model = models_dir / "mnist" / "1" / "model.tflite"
    whole = model.read_bytes()
    model.write_bytes(b"half")
    settle(registry)
    assert registry.get("mnist") is before and "model.tflite" in registry.model("mnist").faults[1]
    assert registry.unready() is None and changes == [Change("mnist", 1, "failed", ready=True)]
    model.write_bytes(whole)
    settle(registry)
    assert registry.get("mnist") is before and registry.model("mnist").faults == {}


def test_files_that_were_only_touched_are_not_loaded_again(
    registry: Registry, models_dir: Path, changes: list[Change]
) -> None:
    before = registry.get("mnist")
    os.utime(models_dir / "mnist" / "1" / "manifest.json")
    settle(registry)
    assert registry.get("mnist") is before and changes == []


def test_a_removed_version_ends_and_who_holds_it_finishes(
    registry: Registry, models_dir: Path, changes: list[Change]
) -> None:
    publish(models_dir, 2)
    settle(registry)
    held = registry.get("mnist")
    shutil.rmtree(models_dir / "mnist" / "2")
    registry.look()
    assert served(registry) == 1 and changes[-1] == Change("mnist", 2, "removed", ready=False)
    with pytest.raises(UnknownVersion):
        registry.get("mnist", 2)
    answers = held.classify(classifier.golden(held, models_dir / "mnist" / "1"))
    assert [answer.label_index for answer in answers] == list(range(10))


def test_a_model_comes_and_goes_with_its_folder(registry: Registry, models_dir: Path) -> None:
    (models_dir / "other").mkdir()
    publish(models_dir, 3, name="other")
    settle(registry)
    assert list(registry.models()) == ["mnist", "other"] and registry.get("other").manifest.version == 3
    shutil.rmtree(models_dir / "other")
    registry.look()
    with pytest.raises(UnknownModel):
        registry.get("other")


def test_a_version_that_was_replaced_is_freed(registry: Registry, models_dir: Path) -> None:
    gc.disable()
    try:
        old = weakref.ref(registry.get("mnist"))
        change(models_dir / "mnist" / "1", temperature=2.0)
        settle(registry)
        assert old() is None
    finally:
        gc.enable()
