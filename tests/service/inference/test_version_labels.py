"""Names for versions, from a file that is taken whole or not at all."""

import os
import shutil
from pathlib import Path

import pytest

from service.errors import ModelFault, UnknownLabel
from service.inference import version_labels
from service.inference.registry import Registry
from tests.publishing import label, loaded, publish, settle


@pytest.fixture
def registry(models_dir: Path) -> Registry:
    """Versions 1 and 2, labelled."""
    publish(models_dir, 2)
    label(models_dir, stable=1, canary=2)
    return loaded(models_dir)


def test_labels_that_change_are_taken_at_the_next_look(registry: Registry, models_dir: Path) -> None:
    label(models_dir, stable=2)
    registry.look()
    assert registry.model("mnist").labels == {"stable": 2}
    (models_dir / "mnist" / "version_labels.json").unlink()
    registry.look()
    assert registry.model("mnist").labels == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "Invalid JSON"),
        ('{"stable": 9}', "'stable' names version 9, which is not served; served: 1, 2"),
        ('{"stable": "1"}', "stable: Input should be a valid integer"),
        ('{"stable": 0}', "stable: Input should be greater than or equal to 1"),
        ('{"Stable one": 1}', "Stable one: String should match pattern"),
    ],
)
def test_labels_that_cannot_be_taken_leave_the_old_ones_and_are_told(
    registry: Registry, models_dir: Path, text: str, fault: str
) -> None:
    label(models_dir, text)
    settle(registry)
    model = registry.model("mnist")
    assert model.labels == {"stable": 1, "canary": 2}
    assert model.labels_fault and "mnist/version_labels.json: " in model.labels_fault and fault in model.labels_fault
    label(models_dir, stable=2)
    registry.look()
    assert registry.model("mnist").labels == {"stable": 2} and registry.model("mnist").labels_fault is None


def test_a_fault_there_from_the_start_is_told_at_once(models_dir: Path) -> None:
    label(models_dir, stable=5)
    registry = Registry(models_dir, "litert", threads=1)
    registry.load()
    model = registry.model("mnist")
    assert model.labels == {} and model.labels_fault and registry.unready() is None
    with pytest.raises(UnknownLabel, match=r"it has: none; not taken: .*'stable' names version 5, which is not served"):
        registry.get("mnist", label="stable")


def test_a_label_may_come_before_its_version(
    registry: Registry, models_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(models_dir, 3)
    label(models_dir, stable=3)
    settle(registry)
    assert registry.get("mnist", label="stable").manifest.version == 3
    assert "not taken" not in caplog.text


def test_a_label_of_a_removed_version_ends_with_it(registry: Registry, models_dir: Path) -> None:
    shutil.rmtree(models_dir / "mnist" / "2")
    registry.look()
    assert registry.model("mnist").labels == {"stable": 1}
    with pytest.raises(UnknownLabel):
        registry.get("mnist", label="canary")
    registry.look()
    assert "'canary' names version 2" in str(registry.model("mnist").labels_fault)


def test_a_pipe_in_the_files_place_is_a_fault_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / version_labels.FILE_NAME)
    with pytest.raises(ModelFault, match="is no regular file"):
        version_labels.read(tmp_path, [1])
