"""A folder is judged as the service would judge it, by every engine that is here."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from service import manifest as contract
from service.errors import ModelFault
from service.inference import check, engines
from service.inference.check import CheckReport
from tests.conftest import MODELS, SHIPPED
from tests.publishing import change, label, misstated, publish


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """As if these modules were not installed."""
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in modules else known(name))


@pytest.fixture(scope="module")
def shipped_report() -> CheckReport:
    return check.judge(MODELS)


@pytest.fixture
def litert_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quicker, where TensorFlow is not what is asked about."""
    without(monkeypatch, "tensorflow")


def test_shipped_models_are_good(shipped_report: CheckReport) -> None:
    assert [version.model for version in shipped_report.versions] == SHIPPED and not shipped_report.faults


def test_every_engine_is_timed_and_compared_with_tensorflow(shipped_report: CheckReport) -> None:
    for version in shipped_report.versions:
        litert, tensorflow = version.engines
        assert (litert.engine, tensorflow.engine) == ("litert", "tensorflow") and litert.installed
        if not tensorflow.installed:
            pytest.skip("TensorFlow is not installed")
        assert litert.microseconds and tensorflow.microseconds and tensorflow.difference is None
        assert litert.difference is not None and 0 <= litert.difference < 0.05


def test_an_engine_that_is_not_installed_is_said_and_no_fault(models_dir: Path, litert_only: None) -> None:
    (version,) = check.judge(models_dir).versions
    litert, tensorflow = version.engines
    assert not version.faults and litert.microseconds and litert.difference is None
    assert not tensorflow.installed and tensorflow.microseconds is None


def test_one_model_or_one_version_is_judged_alone(models_dir: Path, litert_only: None) -> None:
    publish(models_dir, 2)
    label(models_dir, stable=2)
    home = models_dir / "mnist"
    assert [version.version for version in check.judge(home).versions] == [1, 2]
    assert check.judge(home).labels[0].labels == {"stable": 2}
    one = check.judge(home / "2")
    assert [version.version for version in one.versions] == [2] and one.labels == ()


def test_a_relative_path_is_judged_by_the_folders_real_name(
    models_dir: Path, litert_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models_dir / "mnist" / "1")
    assert not check.judge(Path()).faults
    monkeypatch.chdir(models_dir / "mnist")
    assert not check.judge(Path()).faults and not check.judge(Path("1")).faults


@pytest.mark.parametrize("file", ["manifest.json", "saved_model.pb"])
def test_a_missing_file_is_a_fault_of_its_version_alone(models_dir: Path, litert_only: None, file: str) -> None:
    (publish(models_dir, 2) / file).unlink()
    good, bad = check.judge(models_dir).versions
    assert not good.faults and len(bad.faults) == 1 and f"mnist/2/{file}: " in bad.faults[0]
    assert check.judge(models_dir / "mnist" / "2").versions[0].faults == bad.faults


def test_golden_pictures_that_are_missed_are_a_fault_of_each_engine(models_dir: Path) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    folder = models_dir / "mnist" / "1"
    change(folder, golden=misstated(folder))
    (version,) = check.judge(models_dir).versions
    assert ["litert" in version.faults[0], "tensorflow" in version.faults[1]] == [True, True]
    assert all("golden/0.png" in fault for fault in version.faults)


def test_engines_that_differ_more_than_is_stated_are_a_fault(models_dir: Path) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    folder = models_dir / "mnist" / "1"
    facts = contract.read(folder).model_dump(mode="json", exclude_none=True)["engines"]
    facts["litert"]["tolerance"] = 1e-6
    change(folder, engines=facts)
    (version,) = check.judge(models_dir).versions
    assert len(version.faults) == 1 and "litert differs from tensorflow by 0.00" in version.faults[0]


def test_labels_may_only_name_versions_that_are_good(models_dir: Path, litert_only: None) -> None:
    (publish(models_dir, 2) / "model.tflite").unlink()
    label(models_dir, stable=2)
    (labelled,) = check.judge(models_dir).labels
    assert labelled.fault and "'stable' names version 2, which is not served; served: 1" in labelled.fault


def test_a_version_without_a_file_for_any_engine_is_a_fault(models_dir: Path) -> None:
    folder = models_dir / "mnist" / "1"
    for file in ("model.tflite", "saved_model.pb"):
        (folder / file).unlink()
    contract.write(folder, contract.read(folder))
    (version,) = check.judge(models_dir).versions
    assert version.engines == () and "has a file for no engine" in version.faults[0]
    assert engines.fitting(contract.read(folder)) == []


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_what_is_no_models_folder_is_told(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFault, match=path):
        check.judge(tmp_path / path)


def test_a_version_copied_elsewhere_is_a_fault_by_its_name(models_dir: Path, tmp_path: Path, litert_only: None) -> None:
    shutil.copytree(models_dir / "mnist" / "1", tmp_path / "copy")
    (version,) = check.judge(tmp_path / "copy").versions
    assert "is the manifest of mnist/1, not of" in version.faults[0]
