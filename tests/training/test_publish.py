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
    (folder / "NOTICE").write_text(f"export to {place}")
    manifest = contract.read(folder)
    engines = dict(manifest.engines)
    if litert:
        engines["litert"] = engines["litert"].model_copy(update=litert)
    else:
        del engines["litert"]
    contract.write(folder, manifest.model_copy(update={"engines": engines}))
    return folder


def measured(place: Path, right: int, images: int, data_digest: str = "0" * 64) -> Path:
    """A version that had that many of its test images right."""
    folder = another(place, accuracy=right / images)
    manifest = contract.read(folder)
    engines = {
        name: facts.model_copy(update={"accuracy": right / images, "test_images": images})
        for name, facts in manifest.engines.items()
    }
    assert manifest.provenance
    provenance = manifest.provenance.model_copy(update={"data_digest": data_digest, "test_images": images})
    contract.write(folder, manifest.model_copy(update={"engines": engines, "provenance": provenance}))
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


@pytest.mark.parametrize(
    ("before", "after"),
    [((2, 2), (2, 3)), ((10, 10), (7, 10)), ((997, 1000), (993, 1000)), ((9973, 10000), (999, 1000))],
)
def test_a_lower_accuracy_that_chance_explains_is_no_hindrance(
    tmp_path: Path, before: tuple[int, int], after: tuple[int, int]
) -> None:
    models = tmp_path / "models"
    publish_version(measured(tmp_path / "before", *before, data_digest="1" * 64), models)
    publish_version(measured(tmp_path / "after", *after), models)
    assert versions(models) == ["1", "2"]


@pytest.mark.parametrize(
    ("before", "after"),
    [((10, 10), (5, 10)), ((20, 20), (15, 20)), ((997, 1000), (980, 1000)), ((9973, 10000), (98, 100))],
)
def test_a_lower_accuracy_that_chance_does_not_explain_is_refused_with_the_counts(
    tmp_path: Path, before: tuple[int, int], after: tuple[int, int]
) -> None:
    models = tmp_path / "models"
    publish_version(measured(tmp_path / "before", *before, data_digest="1" * 64), models)
    counts = f"{after[0]} of {after[1]} images right, and {before[0]} of {before[1]}"
    with pytest.raises(NotPublished, match=counts):
        publish_version(measured(tmp_path / "after", *after), models)
    assert versions(models) == ["1"]


def test_on_the_same_large_test_split_any_lower_accuracy_is_refused(tmp_path: Path) -> None:
    models = tmp_path / "models"
    publish_version(measured(tmp_path / "before", 9973, 10000), models)
    with pytest.raises(NotPublished, match="9972 of 10000 images right, and 9973 of 10000, which are the same images"):
        publish_version(measured(tmp_path / "after", 9972, 10000), models)


def test_the_count_of_a_version_that_states_it_in_its_provenance_alone_is_known() -> None:
    manifest = contract.read(shipped("mnist"))
    assert manifest.engines["litert"].test_images is None and manifest.calibration_images is None
    assert contract.measured_images(manifest, "litert") == 10_000


def test_a_version_that_cannot_be_read_is_replaced_by_force_alone(models: Path, tmp_path: Path) -> None:
    (models / "mnist" / "1" / contract.FILE_NAME).write_text("{}")
    export = another(tmp_path, accuracy=1.0)
    with pytest.raises(NotPublished, match="cannot be read, so not compared"):
        publish_version(export, models)
    assert publish_version(export, models, force=True) == models / "mnist" / "2"
