"""The models folder gives each model's latest version, and names what there is."""

from pathlib import Path

import pytest

from service import manifest as contract
from tests.conftest import MODELS, SHIPPED, shipped
from training import published


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
    assert published.latest(made) == [made / "a" / "10", made / "b" / "1"]
    assert published.latest(made, "a") == [made / "a" / "10"]


def test_the_shipped_models_are_found() -> None:
    assert published.latest(MODELS) == [shipped(name) for name in SHIPPED]


@pytest.mark.parametrize("name", ["c", "nope", "A"])
def test_a_model_that_is_not_there_names_those_that_are(made: Path, name: str) -> None:
    with pytest.raises(published.NoSuchModel, match=f"no model called '{name}'; there are: a, b$"):
        published.latest(made, name)


def test_an_empty_folder_and_none_at_all_are_told(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(published.NoSuchModel, match=f"{folder} holds no model; there are: none"):
            published.latest(folder)
