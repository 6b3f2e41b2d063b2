"""What the service logs once it is ready."""

import json
import logging
from pathlib import Path

import pytest

from service import startup
from service.cores import allotted_cores
from service.inference.registry import Registry
from service.logs import JsonFormatter, TextFormatter
from service.settings import Settings
from tests.conftest import MODELS, SHIPPED, shipped


def logged(models_dir: Path, caplog: pytest.LogCaptureFixture, **settings: object) -> logging.LogRecord:
    chosen = Settings(models_dir=models_dir, **settings)  # type: ignore[arg-type]
    registry = Registry(models_dir, "auto", 1)
    registry.load()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        startup.log_startup(registry, chosen)
    (record,) = caplog.records
    return record


def test_people_get_a_table_of_models_with_url_workers_and_threads(caplog: pytest.LogCaptureFixture) -> None:
    record = logged(MODELS, caplog, port=9000, workers=2)
    lines = TextFormatter().format(record).splitlines()
    assert lines[0].endswith("Squint is ready: http://127.0.0.1:9000")
    assert lines[1].split() == ["model", "version", "engine"]
    for row, name in zip(lines[2:], SHIPPED, strict=False):
        assert row.split() == [name, shipped(name).name, "litert"]
    assert lines[-1].strip().startswith("2 workers, each with ") and f"{allotted_cores()} " in lines[-1]
    assert len(lines) < 25 and max(map(len, lines)) <= 120


def test_programs_get_the_same_as_one_json_object(caplog: pytest.LogCaptureFixture) -> None:
    line = json.loads(JsonFormatter().format(logged(MODELS, caplog, port=9000, workers=2)))
    assert (line["message"], line["url"], line["workers"]) == ("ready", "http://127.0.0.1:9000", 2)
    assert [model["model"] for model in line["models"]] == SHIPPED
    assert all(model["engine"] == "litert" and not model["faults"] for model in line["models"])
    assert {"computing_threads", "cores"} <= set(line) and "logger" not in line


def test_a_version_that_cannot_be_served_is_logged_with_its_fault(
    models_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (models_dir / "mnist" / "1" / "model.tflite").write_bytes(b"broken")
    record = logged(models_dir, caplog)
    text = TextFormatter().format(record)
    assert "mnist  none" in text and "not served: " in text and "model.tflite: its SHA-256" in text
    assert "Squint is not ready, no version could be loaded of: mnist: " in text
    assert "SHA-256" in json.loads(JsonFormatter().format(record))["models"][0]["faults"]["1"]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("example.org", "http://example.org:8000"),
    ],
)
def test_the_url_can_be_opened_on_this_machine(host: str, url: str) -> None:
    assert startup.url(Settings(host=host)) == url
