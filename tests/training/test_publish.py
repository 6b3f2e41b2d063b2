"""A version is published once, and not for the worse unless that is wanted."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from service import manifest as contract
from tests.conftest import shipped
from training.publish import NotPublished, publish_version


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder with `mnist` in version 1."""
    publish_version(shipped("mnist"), tmp_path / "models")
    return tmp_path / "models"


def another(place: Path, **litert: Any) -> Path:
    """An export of other files, with other facts of LiteRT; without any, without that engine."""
    folder = place / "mnist" / shipped("mnist").name
    shutil.copytree(shipped("mnist"), folder)
    (folder / "NOTICE").write_text("another export")
    manifest = contract.read(folder)
    engines = dict(manifest.engines)
    if litert:
        engines["litert"] = engines["litert"].model_copy(update=litert)
    else:
        del engines["litert"]
    contract.write(folder, manifest.model_copy(update={"engines": engines}))
    return folder


def versions(models: Path) -> list[str]:
    return sorted(path.name for path in (models / "mnist").iterdir())


def test_the_next_version_has_the_next_number_and_states_it(models: Path, tmp_path: Path) -> None:
    home = publish_version(another(tmp_path, accuracy=1.0), models)
    assert home == models / "mnist" / "2" and contract.read(home).version == 2
    contract.verify_files(home, contract.read(home))


def test_the_same_export_is_published_once(models: Path) -> None:
    assert publish_version(shipped("mnist"), models) == models / "mnist" / "1"
    assert versions(models) == ["1"]


@pytest.mark.parametrize(
    ("litert", "told"),
    [
        ({"accuracy": 0.5}, r"with litert: 50.00%, and 99\.\d\d% of .*/1, .*--force publishes it all the same"),
        ({"accuracy": None}, "with litert was not measured, .*give it images to be measured on, or --force"),
        ({}, "with litert was not measured"),
    ],
)
def test_a_worse_or_unmeasured_export_is_published_by_force_alone(
    models: Path, tmp_path: Path, litert: dict[str, Any], told: str
) -> None:
    export = another(tmp_path, **litert)
    with pytest.raises(NotPublished, match=told):
        publish_version(export, models)
    assert versions(models) == ["1"]
    assert publish_version(export, models, force=True) == models / "mnist" / "2"


def test_a_version_that_cannot_be_read_is_replaced_by_force_alone(models: Path, tmp_path: Path) -> None:
    (models / "mnist" / "1" / contract.FILE_NAME).write_text("{}")
    export = another(tmp_path, accuracy=1.0)
    with pytest.raises(NotPublished, match="cannot be read, so not compared"):
        publish_version(export, models)
    assert publish_version(export, models, force=True) == models / "mnist" / "2"
