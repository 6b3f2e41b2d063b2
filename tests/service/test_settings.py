"""Settings come from the environment, checked, with limits."""

from pathlib import Path

import pytest

from service.app import MODELS_AT_START
from service.cores import allotted_cores
from service.settings import Settings, SettingsFault, misspelt, read_settings

EVERYWHERE = "0.0.0.0"  # noqa: S104


def test_an_environment_variable_sets_a_knob(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUINT_PORT", "9001")
    monkeypatch.setenv("SQUINT_MODELS_DIR", "/srv/models")
    assert (read_settings().port, read_settings().models_dir) == (9001, Path("/srv/models"))


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "0", "a whole number from 1 to 65535"),
        ("MAX_IMAGES", "many", "a whole number from 1 to 10000"),
        ("MAX_IMAGE_BYTES", "1", "a whole number from 1024"),
        ("ENGINE", "onnx", "one of auto, litert, tensorflow"),
        ("LOG_LEVEL", "loud", "one of debug, info, warning, error"),
        ("HOST", "", "a host name or an address without brackets"),
        ("HOST", "[::1]", "a host name or an address without brackets"),
        ("MAX_HELD_BYTES", "1048576", "a whole number from 33554432, which is SQUINT_MAX_REQUEST_BYTES"),
        ("CORS_ORIGINS", "example.org", "* or origins such as https://example.org"),
    ],
)
def test_a_wrong_value_is_told_in_one_line_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(f"SQUINT_{name}", value)
    with pytest.raises(SettingsFault) as fault:
        read_settings()
    assert str(fault.value).startswith(f"SQUINT_{name}='{value}': allowed is {allowed}")
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("settings", "is_open"),
    [({}, False), ({"host": "::1"}, False), ({"host": EVERYWHERE}, True), ({"host": "10.0.0.1"}, True),
     ({"host": EVERYWHERE, "api_keys_file": "keys"}, False)],
)  # fmt: skip
def test_open_to_others_is_who_listens_beyond_this_machine_without_keys(
    settings: dict[str, str], is_open: bool
) -> None:
    assert Settings(**settings).open_to_others is is_open  # type: ignore[arg-type]


def test_workers_share_the_cores() -> None:
    assert Settings(workers=1).computing_threads == allotted_cores()
    assert Settings(workers=256).computing_threads == 1


def test_a_variable_that_is_almost_a_setting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SQUINT_MODEL_DIR", "SQUINT_DATA_DIR", "SQUINT_SERVICE_PORT", MODELS_AT_START):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("SQUINT_WORKERS", "2")
    assert misspelt() == {"SQUINT_MODEL_DIR": "SQUINT_MODELS_DIR"}
