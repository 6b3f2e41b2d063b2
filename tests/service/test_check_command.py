"""`python -m service check` tells people and programs what the service would make of a folder."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.__main__ import main
from service.inference import check
from service.inference.check import CheckReport, EngineReport, VersionReport
from tests.conftest import MODELS
from tests.publishing import label, publish


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, words)], prog_name="python -m service")


@pytest.fixture
def two(models_dir: Path) -> Path:
    """A good version, labelled, and a bad one."""
    (publish(models_dir, 2) / "manifest.json").write_text("{")
    label(models_dir, stable=1)
    return models_dir


def test_a_bad_version_is_told_by_file_and_fault_and_by_the_exit_status(two: Path) -> None:
    result = invoke(two)
    head, *lines = result.stdout.splitlines()
    assert result.exit_code == 1 and head.split()[:4] == ["model", "version", "is", "engine"]
    assert any(line.split()[:4] == ["mnist", "1", "good", "litert"] and "µs" in line for line in lines)
    assert any(line.split() == ["mnist", "2", "fault"] for line in lines)
    assert "version labels of mnist: stable is 1" in lines
    assert any(line.startswith("fault: ") and "mnist/2/manifest.json: " in line for line in lines)
    assert lines[-1] == "2 versions checked, 1 fault"


def test_json_holds_the_same_for_programs(two: Path) -> None:
    result = invoke(two, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1 and told["good"] is False
    good, bad = told["versions"]
    assert (good["model"], good["version"], good["good"], good["faults"]) == ("mnist", 1, True, [])
    assert good["engines"]["litert"]["installed"] is True and good["engines"]["litert"]["microseconds"] > 0
    assert (bad["version"], bad["good"], bad["engines"]) == (2, False, {}) and len(bad["faults"]) == 1
    assert told["version_labels"] == {"mnist": {"labels": {"stable": 1}}}


def test_a_good_folder_ends_with_0(models_dir: Path) -> None:
    result = invoke(models_dir / "mnist" / "1")
    assert result.exit_code == 0 and result.stdout.splitlines()[-1] == "1 version checked, all good"
    assert json.loads(invoke(models_dir / "mnist", "--json").stdout)["good"] is True


def test_without_an_argument_the_setting_names_the_folder(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUINT_MODELS_DIR", str(two / "mnist"))
    assert "2 versions checked" in invoke().stdout


def test_a_folder_that_is_none_is_one_sentence() -> None:
    result = invoke(MODELS / "nowhere")
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit) and result.stdout == ""
    assert "nowhere is no folder" in result.stderr and len(result.stderr.splitlines()) == 1


def test_an_engine_that_is_not_installed_is_said() -> None:
    engines = (EngineReport("litert", True, 63.4), EngineReport("tensorflow", False))
    text = check.as_text(CheckReport((VersionReport("mnist", 3, engines, ()),), ()))
    assert "63 µs" in text and "tensorflow" in text and "not installed, so not checked" in text
    assert text.endswith("1 version checked, all good")
