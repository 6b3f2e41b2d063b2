"""Many models out of one, each of which the service takes."""

from pathlib import Path

from benchmarks import copies
from service.inference.registry import Registry
from tests.conftest import shipped


def test_copies_are_models_and_versions_that_are_served(tmp_path: Path) -> None:
    copies.lay(shipped("mnist"), tmp_path, models=2, versions=2)
    registry = Registry(tmp_path, "auto", threads=1)
    registry.load()
    assert {name: sorted(model.versions) for name, model in registry.models().items()} == {
        "mnist": [1, 2],
        "mnist_2": [1, 2],
    }


def test_the_files_of_a_copy_are_the_models_own(tmp_path: Path) -> None:
    copies.lay(shipped("mnist"), tmp_path, models=1, versions=1)
    copied, own = tmp_path / "mnist" / "1" / "model.tflite", shipped("mnist") / "model.tflite"
    assert copied.read_bytes() == own.read_bytes()
