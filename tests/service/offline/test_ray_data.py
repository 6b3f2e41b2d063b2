"""A Ray of this machine tells of files what this process tells of them."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from service.__main__ import main
from service.offline import crew, predict
from service.offline.predict import Asked, Line, Teller
from service.settings import Settings
from tests.conftest import MODELS, golden

# Ray's own processes and files are its own affair.
pytestmark = [pytest.mark.thorough, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in two folders, and a file that is none."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "deeper").mkdir()
    for label in range(10):
        (folder / ("deeper" if label % 2 else "") / f"{label}.png").write_bytes(golden(label=label))
    (folder / "none.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def teller() -> Teller:
    return Teller(Asked(Settings(models_dir=MODELS), "mnist", top_k=2))


@pytest.fixture(scope="module")
def on_ray() -> Iterator[Any]:
    """The module, with a Ray of this machine."""
    if not (find_spec("ray") and find_spec("pyarrow")):
        pytest.skip("an extra: pip install -r requirements/ray.txt")
    from service.offline import ray_data

    with ray_data.connected("local"):
        yield ray_data


def told_here(teller: Teller, *paths: str) -> list[Line]:
    return list(crew.lines(teller, predict.find(paths), jobs=1))


def test_shared_files_are_told_as_without_ray_and_in_order(
    on_ray: Any, teller: Teller, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    paths = [folder.name, str(folder / "missing.png"), str(folder / "4.png")]
    told = list(on_ray.told(teller, paths))
    assert told == told_here(teller, *paths)
    assert [line.failed for line in told].count(True) == 2 and len(told) == 13


def test_files_in_a_store_are_told_as_without_ray(on_ray: Any, teller: Teller, folder: Path) -> None:
    assert sorted(on_ray.told(teller, [folder.as_uri()])) == sorted(told_here(teller, str(folder)))


def test_without_the_extra_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "service.offline.ray_data", raising=False)
    monkeypatch.delattr("service.offline.ray_data", raising=False)
    monkeypatch.setenv("SQUINT_MODELS_DIR", str(MODELS))
    result = CliRunner().invoke(main, ["predict", "mnist", str(folder), "--ray", "local"])
    assert result.exit_code == 1 and "requirements/ray.txt" in result.stderr


def test_a_cluster_that_is_not_there_is_told(on_ray: Any, teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.init", Mock(side_effect=ConnectionError("nobody there")))
    monkeypatch.setattr("ray.shutdown", lambda: None)
    with pytest.raises(on_ray.RayFault, match="ray://nowhere: nobody there"):
        list(on_ray.lines(teller, ["x"], "ray://nowhere"))
