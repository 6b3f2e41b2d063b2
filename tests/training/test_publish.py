"""A version is published once and not for the worse unless that is wanted; the latest of each model is found."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from service import manifest as contract
from tests.conftest import MODELS, SHIPPED, shipped
from training.publish import NoSuchModel, NotPublished, latest, publish_version


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


def measured(place: Path, right: int, images: int, digest: str = "0" * 64) -> Path:
    """A version that had that many of its held-out images right, and none of its test images."""
    folder = another(place, accuracy=0.0)
    manifest = contract.read(folder)
    validation = {"validation_accuracy": right / images, "validation_images": images}
    engines = {name: facts.model_copy(update=validation) for name, facts in manifest.engines.items()}
    contract.write(folder, manifest.model_copy(update={"engines": engines, "validation_digest": digest}))
    return folder


def versions(models: Path) -> list[str]:
    return sorted(path.name for path in (models / "mnist").iterdir())


def test_the_next_version_has_the_next_number_and_states_it(models: Path, tmp_path: Path) -> None:
    home, _ = publish_version(another(tmp_path, accuracy=1.0), models)
    assert home == models / "mnist" / "2" and contract.read(home).version == 2
    contract.verify_files(home, contract.read(home))


def test_the_same_export_is_published_once(models: Path) -> None:
    assert publish_version(shipped("mnist"), models) == (models / "mnist" / "1", None)
    assert versions(models) == ["1"]


@pytest.mark.parametrize("litert", [{"accuracy": None}, {}])
def test_a_version_that_was_not_measured_replaces_a_measured_one_by_force_alone(
    models: Path, tmp_path: Path, litert: dict[str, Any]
) -> None:
    export = another(tmp_path, **litert)
    with pytest.raises(NotPublished, match=r"with litert was not measured, .*give it images .* or --f"):
        publish_version(export, models)
    assert versions(models) == ["1"]
    assert publish_version(export, models, force=True).folder == models / "mnist" / "2"


@pytest.mark.parametrize(("before", "after"), [((2, 2), (1, 2)), ((10, 10), (7, 10)), ((9973, 10000), (9980, 10000))])
def test_a_lower_accuracy_that_chance_explains_is_no_hindrance(
    tmp_path: Path, before: tuple[int, int], after: tuple[int, int]
) -> None:
    models = tmp_path / "models"
    publish_version(measured(tmp_path / "before", *before), models)
    assert publish_version(measured(tmp_path / "after", *after), models) == (models / "mnist" / "2", None)


@pytest.mark.parametrize(
    ("before", "after"), [((10, 10), (5, 10)), ((20, 20), (15, 20)), ((9973, 10000), (9972, 10000))]
)
def test_a_lower_accuracy_that_chance_does_not_explain_or_of_a_large_split_is_refused(
    tmp_path: Path, before: tuple[int, int], after: tuple[int, int]
) -> None:
    models, worse = tmp_path / "models", measured(tmp_path / "after", *after)
    publish_version(measured(tmp_path / "before", *before), models)
    counts = rf"\({after[0]} and {before[0]} of the same {before[1]} images right\)"
    with pytest.raises(NotPublished, match=counts):
        publish_version(worse, models)
    assert versions(models) == ["1"]
    assert publish_version(worse, models, force=True) == (models / "mnist" / "2", None)


@pytest.mark.parametrize("digest", ["1" * 64, None])
def test_versions_of_other_held_out_images_are_published_and_said_not_to_be_comparable(
    tmp_path: Path, digest: str | None
) -> None:
    models = tmp_path / "models"
    before = measured(tmp_path / "before", 10, 10)
    contract.write(before, contract.read(before).model_copy(update={"validation_digest": digest}))
    publish_version(before, models)
    home, note = publish_version(measured(tmp_path / "after", 1, 10), models)
    assert home == models / "mnist" / "2" and note and "cannot compare it with" in note


def test_the_shipped_versions_which_state_no_held_out_accuracy_cannot_be_compared(models: Path, tmp_path: Path) -> None:
    assert contract.read(shipped("mnist")).validation_digest is None
    _, note = publish_version(measured(tmp_path, 1, 10), models)
    assert note and "cannot compare" in note


def test_the_count_of_a_version_that_states_it_in_its_provenance_alone_is_known() -> None:
    manifest = contract.read(shipped("mnist"))
    assert manifest.engines["litert"].test_images is None and manifest.calibration_images is None
    assert contract.measured_images(manifest, "litert") == 10_000


def test_a_version_that_cannot_be_read_is_replaced_by_force_alone(models: Path, tmp_path: Path) -> None:
    (models / "mnist" / "1" / contract.FILE_NAME).write_text("{}")
    export = another(tmp_path, accuracy=1.0)
    with pytest.raises(NotPublished, match="cannot be read, so not compared"):
        publish_version(export, models)
    assert publish_version(export, models, force=True).folder == models / "mnist" / "2"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A models folder with two models, of which one has versions 9 and 10, and with what is no version."""
    for name in ("a/9", "a/10", "b/1", "a/.11.part", "a/draft", "c/1"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / contract.FILE_NAME).touch()
    (tmp_path / "c" / "1" / contract.FILE_NAME).unlink()
    (tmp_path / "a" / "12").touch()
    return tmp_path


def test_the_latest_version_is_the_highest_number(made: Path) -> None:
    assert latest(made) == [made / "a" / "10", made / "b" / "1"]
    assert latest(made, "a") == [made / "a" / "10"]


def test_the_shipped_models_are_found() -> None:
    assert latest(MODELS) == [shipped(name) for name in SHIPPED]


@pytest.mark.parametrize("name", ["c", "nope", "A"])
def test_a_model_that_is_not_there_names_those_that_are(made: Path, name: str) -> None:
    with pytest.raises(NoSuchModel, match=f"no model called '{name}'; there are: a, b$"):
        latest(made, name)


def test_an_empty_folder_and_none_at_all_are_told(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NoSuchModel, match=f"{folder} holds no model; there are: none"):
            latest(folder)
