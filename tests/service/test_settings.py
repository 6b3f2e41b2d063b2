"""Settings come from the environment, checked, with limits."""

from pathlib import Path

import pytest

from service.cores import allotted_cores
from service.settings import Settings, SettingsFault, read_settings


def test_an_environment_variable_sets_a_knob(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUINT_PORT", "9001")
    monkeypatch.setenv("SQUINT_MODELS_DIR", "/srv/models")
    assert (read_settings().port, read_settings().models_dir) == (9001, Path("/srv/models"))


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "0"), ("PORT", "http"), ("ENGINE", "onnx"), ("MAX_WAITING", "-1")]
)
def test_a_wrong_value_names_the_variable_and_the_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SQUINT_{name}", value)
    with pytest.raises(SettingsFault, match=f"SQUINT_{name}='{value}'"):
        read_settings()


def test_workers_share_the_cores() -> None:
    assert Settings(workers=1).computing_threads == allotted_cores()
    assert Settings(workers=256).computing_threads == 1


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
