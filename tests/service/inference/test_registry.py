"""Which versions are served, and what is said of those that are not."""

import errno
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from service import manifest as contract
from service.errors import ModelFault, NotReady, UnknownModel
from service.inference import engines, folders
from service.inference.registry import Registry
from tests.publishing import change, loaded, misstated, publish, settle


def test_the_highest_version_answers_by_default(models_dir: Path) -> None:
    publish(models_dir, 2)
    publish(models_dir, 10)
    assert loaded(models_dir).get("mnist").manifest.version == 10
    assert loaded(models_dir).get("mnist", 2).manifest.version == 2


def test_folders_that_are_no_versions_are_ignored(models_dir: Path) -> None:
    (models_dir / "mnist" / ".2.part").mkdir()
    (models_dir / "mnist" / "drafts").mkdir()
    (models_dir / ".git").mkdir()
    (models_dir / "empty").mkdir()
    shutil.copytree(models_dir / "mnist" / "1", models_dir / "mnist" / "01")
    assert list(loaded(models_dir).models()) == ["mnist"]
    assert list(loaded(models_dir).model("mnist").versions) == [1]


def test_a_bad_newest_version_leaves_the_one_before_it_serving(models_dir: Path) -> None:
    (publish(models_dir, 2) / "model.tflite").write_bytes(b"half")
    found = loaded(models_dir)
    assert found.get("mnist").manifest.version == 1
    assert "model.tflite" in found.model("mnist").faults[2]
    assert found.unready() is None
    with pytest.raises(NotReady):
        found.get("mnist", 2)
    folders.check_start(models_dir, "auto")


def test_a_version_that_misses_its_golden_pictures_is_not_served(models_dir: Path) -> None:
    folder = models_dir / "mnist" / "1"
    change(folder, golden=misstated(folder))
    found = loaded(models_dir)
    assert "golden/0.png" in found.model("mnist").faults[1]
    assert found.unready() == "no version could be loaded of: mnist"
    with pytest.raises(NotReady):
        found.get("mnist")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"input": {"height": 32, "width": 28, "channels": 1}}, "the engine litert and the manifest disagree"),
        ({"input": {"height": 28, "width": 28, "channels": 3}}, "where the manifest states"),
        ({"kind": "hologram"}, "mnist/2: image kind 'hologram' is unknown"),
    ],
)
def test_a_manifest_that_does_not_fit_its_model_leaves_the_version_before(
    models_dir: Path, changes: dict[str, Any], told: str
) -> None:
    publish(models_dir, 2, **changes)
    found = loaded(models_dir)
    assert found.get("mnist").manifest.version == 1 and told in found.model("mnist").faults[2]


def test_labels_that_do_not_fit_the_model_are_a_fault(models_dir: Path) -> None:
    path = models_dir / "mnist" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["labels"].append("ten")
    for golden in manifest["golden"]:
        for probabilities in golden["probabilities"].values():
            probabilities.append(0)
    path.write_text(json.dumps(manifest))
    assert "11 labels for 10 probabilities" in loaded(models_dir).model("mnist").faults[1]


def test_a_file_that_is_no_model_is_reported_by_its_engine(models_dir: Path) -> None:
    folder = models_dir / "mnist" / "1"
    (folder / "model.tflite").write_bytes(b"not a model at all")
    contract.write(folder, contract.read(folder))
    assert "litert cannot load" in loaded(models_dir).model("mnist").faults[1]


@pytest.mark.parametrize("content", [None, "empty"])
def test_a_folder_without_models_ends_the_start(tmp_path: Path, content: str | None) -> None:
    models = tmp_path / "models"
    if content:
        models.mkdir()
    with pytest.raises(ModelFault, match="models"):
        folders.check_start(models, "auto")
    assert loaded(models).unready() == "there is no model to serve"


def test_a_model_without_any_good_version_ends_the_start_with_every_fault(models_dir: Path) -> None:
    (models_dir / "mnist" / "1" / "golden" / "3.png").unlink()
    (publish(models_dir, 2) / "manifest.json").write_text("{")
    with pytest.raises(ModelFault) as caught:
        folders.check_start(models_dir, "auto")
    assert "mnist/1/golden/3.png" in str(caught.value) and "mnist/2/manifest.json" in str(caught.value)


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in modules else known(name))


def test_without_tensorflow_and_without_a_litert_file_the_start_says_what_to_install(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = models_dir / "mnist" / "1"
    (folder / "model.tflite").unlink()
    contract.write(folder, contract.read(folder))
    without(monkeypatch, "tensorflow")
    with pytest.raises(ModelFault, match=r"pip install -r requirements/tensorflow\.txt"):
        folders.check_start(models_dir, "auto")


def test_an_engine_is_chosen_by_what_the_folder_has(models_dir: Path) -> None:
    folder = models_dir / "mnist" / "1"
    manifest = contract.read(folder)
    assert engines.choose(folder, manifest, "auto") == "litert"
    assert engines.choose(folder, manifest, "tensorflow") == "tensorflow"
    files = {name: digest for name, digest in manifest.files.items() if name != "model.tflite"}
    without_litert = manifest.model_copy(update={"files": files})
    assert engines.choose(folder, without_litert, "auto") == "tensorflow"
    with pytest.raises(ModelFault, match=r"no model\.tflite"):
        engines.choose(folder, without_litert, "litert")


def unreadable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Not by its mode: root reads everything."""
    read = folders._folders

    def refused(path: Path) -> list[str]:
        if path.name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(folders, "_folders", refused)


def test_an_unreadable_folder_that_can_be_no_model_is_passed_over(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (models_dir / "lost+found").mkdir()
    unreadable(monkeypatch, "lost+found")
    assert folders.check_start(models_dir, "auto") == ["mnist"]


def test_an_unreadable_model_is_told(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unreadable(monkeypatch, "mnist")
    with pytest.raises(ModelFault, match="mnist: Permission denied"):
        folders.check_start(models_dir, "auto")


def test_while_the_folder_is_away_its_models_are_not_ready_and_not_unknown(models_dir: Path) -> None:
    away = models_dir.with_name("away")
    models_dir.rename(away)
    registry = Registry(models_dir, "auto", 1, frozenset({"mnist"}))
    registry.load()
    with pytest.raises(NotReady):
        registry.get("mnist")
    with pytest.raises(UnknownModel):
        registry.get("other")
    assert registry.unready() == "no version could be loaded of: mnist"
    away.rename(models_dir)
    settle(registry)
    assert registry.unready() is None and registry.get("mnist").manifest.name == "mnist"
