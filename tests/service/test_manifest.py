"""The contract on disk: what is read, and every way it can be broken."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from service import manifest as contract
from service.images.decode import FORMATS
from service.manifest import ManifestFault
from tests.conftest import MODELS, SHIPPED, shipped


def change(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture
def folder(models_dir: Path) -> Path:
    return models_dir / "mnist" / "1"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_hold_their_contract(name: str) -> None:
    folder = shipped(name)
    manifest = contract.read(folder)
    contract.verify_files(folder, manifest)
    assert manifest.name == name and set(manifest.engines) == {"litert", "tensorflow"}
    assert contract.digests(folder) == manifest.files


@pytest.mark.parametrize("name", SHIPPED)
def test_a_version_is_small_enough_for_git(name: str) -> None:
    assert sum(path.stat().st_size for path in (MODELS / name).rglob("*") if path.is_file()) < 25e6


def test_writing_and_reading_gives_the_same_manifest(folder: Path) -> None:
    manifest = contract.read(folder)
    contract.write(folder, manifest)
    assert contract.read(folder) == manifest


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"labels": ["a", "a"]}, "distinct"),
        ({"labels": ["a\0b", "c"]}, "distinct, not empty and printable"),
        ({"labels": ["a", "b"]}, "one probability per label"),
        ({"version": 2}, "is the manifest of mnist/2, not of mnist/1"),
        ({"name": "../x"}, "name"),
        ({"kind": "Digit!"}, "kind"),
        ({"input": {"height": 28, "width": 28, "channels": 2}}, "input.channels"),
        ({"surprise": 1}, "surprise"),
        ({"files": {}}, "not listed in files"),
        ({"golden": []}, "golden"),
        ({"temperature": -1}, "temperature"),
    ],
)
def test_a_wrong_manifest_names_the_file_and_the_fault(folder: Path, changes: dict[str, Any], fault: str) -> None:
    change(folder, **changes)
    with pytest.raises(ManifestFault) as caught:
        contract.read(folder)
    assert str(folder / "manifest.json") in str(caught.value) and fault in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_manifest_that_is_not_json_is_named(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ManifestFault, match=r"manifest\.json"):
        contract.read(folder)


def test_a_changed_file_is_named(folder: Path) -> None:
    with (folder / "model.tflite").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ManifestFault, match=r"model\.tflite: its SHA-256"):
        contract.verify_files(folder, contract.read(folder))


@pytest.mark.parametrize("name", ["../../../outside.png", "/etc/passwd"])
def test_a_file_outside_the_folder_is_none_of_its_own(folder: Path, name: str) -> None:
    (folder / "../../../outside.png").touch()
    change(folder, files=contract.digests(folder) | {name: "0" * 64})
    with pytest.raises(ManifestFault, match="is listed in the manifest and missing"):
        contract.verify_files(folder, contract.read(folder))


def test_a_file_that_nothing_vouches_for_is_named(folder: Path) -> None:
    (folder / "variables" / "more").touch()
    (folder / ".DS_Store").touch()
    with pytest.raises(ManifestFault, match="variables/more: is not listed"):
        contract.verify_files(folder, contract.read(folder))


def test_an_unreadable_file_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    manifest = contract.read(folder)
    monkeypatch.setattr(contract, "digest", forbidden)
    with pytest.raises(ManifestFault, match=r"README\.md: Permission denied"):
        contract.verify_files(folder, manifest)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "saved_model.pb").unlink()
    with pytest.raises(ManifestFault, match=r"saved_model\.pb: is listed in the manifest and missing"):
        contract.verify_files(folder, contract.read(folder))


@pytest.mark.parametrize(
    "name",
    ["model.keras", "weights.hdf5", "model.pkl", "saved_model.pbtxt", "figures/saved_model.pb", "lib.so"],
)
def test_a_file_that_could_carry_code_is_refused_by_name_though_the_manifest_vouches_for_it(
    folder: Path, name: str
) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    contract.write(folder, contract.read(folder))
    with pytest.raises(ManifestFault, match=f"{name}: is nothing a version may hold"):
        contract.verify_files(folder, contract.read(folder))


def test_pictures_of_every_accepted_format_and_documents_may_be_added(folder: Path) -> None:
    (folder / "data").mkdir()
    for name in ("notes.txt", "LICENSE", "data/counts.csv", "a.jpg", "b.tif", *(f"c.{one.lower()}" for one in FORMATS)):
        (folder / name).touch()
    contract.write(folder, contract.read(folder))
    contract.verify_files(folder, contract.read(folder))


def test_a_pipe_in_the_manifests_place_is_a_fault_and_not_waited_for(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")
    with pytest.raises(ManifestFault, match="is no regular file"):
        contract.read(folder)
