"""Which versions are served, and what is said of those that are not."""

import errno
import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from service import manifest as contract
from service.errors import ModelFault, NotReady, UnknownModel, UnknownVersion
from service.inference import engines, folders
from service.inference.registry import Registry
from tests.conftest import MODELS
from tests.publishing import change, settle


def loaded(models_dir: Path, engine: str = "auto") -> Registry:
    found = Registry(models_dir, engine, threads=1)
    found.load()
    return found


def add_version(models_dir: Path, version: int) -> Path:
    folder = models_dir / "mnist" / str(version)
    shutil.copytree(models_dir / "mnist" / "1", folder)
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"version": 1', f'"version": {version}'))
    return folder


def restate_golden(folder: Path) -> None:
    """Has the manifest state probabilities that no engine gives."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for rows in manifest["golden"][0]["probabilities"].values():
        rows.reverse()
    path.write_text(json.dumps(manifest))


def test_the_highest_version_answers_by_default(models_dir: Path) -> None:
    add_version(models_dir, 2)
    add_version(models_dir, 10)
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
    (add_version(models_dir, 2) / "model.tflite").write_bytes(b"half")
    found = loaded(models_dir)
    assert found.get("mnist").manifest.version == 1
    assert "model.tflite" in found.model("mnist").faults[2]
    assert found.unready() is None
    with pytest.raises(NotReady):
        found.get("mnist", 2)
    folders.check_start(models_dir, "auto")


def test_a_version_that_misses_its_golden_pictures_is_not_served(models_dir: Path) -> None:
    restate_golden(models_dir / "mnist" / "1")
    found = loaded(models_dir)
    assert "golden/0.png" in found.model("mnist").faults[1]
    assert found.unready() == "no version could be loaded of: mnist"
    with pytest.raises(NotReady):
        found.get("mnist")


@pytest.mark.parametrize(
    ("stated", "instead"),
    [
        ('"height": 28', '"height": 32'),
        ('"kind": "digit"', '"kind": "photo"'),
        ('"channels": 1', '"channels": 3'),
        ('"kind": "digit"', '"kind": "hologram"'),
    ],
)
def test_a_manifest_that_does_not_fit_its_model_leaves_the_version_before(
    models_dir: Path, stated: str, instead: str
) -> None:
    path = add_version(models_dir, 2) / "manifest.json"
    assert stated in path.read_text()
    path.write_text(path.read_text().replace(stated, instead))
    found = loaded(models_dir)
    if 2 in found.model("mnist").versions:  # a kind that prepares the golden pictures alike is no fault
        assert instead == '"kind": "photo"'
    else:
        assert found.get("mnist").manifest.version == 1 and found.model("mnist").faults[2]


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


def test_nothing_is_ready_before_it_was_loaded() -> None:
    waiting = Registry(MODELS, "auto", threads=1)
    assert waiting.unready() == "the models are being loaded"
    with pytest.raises(NotReady):
        waiting.get("mnist")


def test_unknown_names_and_versions_are_told_the_known_ones(models_dir: Path) -> None:
    found = loaded(models_dir)
    with pytest.raises(UnknownModel, match="mnist"):
        found.get("nope")
    with pytest.raises(UnknownVersion, match="it has: 1"):
        found.get("mnist", 99)


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
    (add_version(models_dir, 2) / "manifest.json").write_text("{")
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


def test_a_model_that_does_not_come_back_with_the_folder_is_unknown(models_dir: Path) -> None:
    away = models_dir.with_name("away")
    models_dir.rename(away)
    registry = Registry(models_dir, "auto", 1, frozenset({"mnist", "gone"}))
    registry.load()
    away.rename(models_dir)
    settle(registry)
    with pytest.raises(UnknownModel):
        registry.get("gone")


def test_an_unknown_kind_is_told_with_the_version_it_is_of(models_dir: Path) -> None:
    change(models_dir / "mnist" / "1", kind="foto")
    (fault,) = loaded(models_dir).model("mnist").faults.values()
    assert "mnist/1: image kind 'foto' is unknown" in fault
