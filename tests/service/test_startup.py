"""What is told when the service is ready."""

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


def told(models_dir: Path, caplog: pytest.LogCaptureFixture, **settings: object) -> logging.LogRecord:
    chosen = Settings(models_dir=models_dir, **settings)  # type: ignore[arg-type]
    registry = Registry(models_dir, "auto", 1)
    registry.load()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        startup.tell(registry, chosen)
    (record,) = caplog.records
    return record


def test_a_screen_tells_what_is_served_how_fast_with_what_and_where(caplog: pytest.LogCaptureFixture) -> None:
    threads = Settings(workers=2, max_waiting=4).request_threads
    lines = TextFormatter().format(told(MODELS, caplog, port=9000, workers=2, max_waiting=4)).splitlines()
    assert lines[0].endswith("Squint is ready: http://127.0.0.1:9000") and "µs per image" in lines[1]
    for row, name in zip(lines[2:], SHIPPED, strict=False):
        model, version, engine, microseconds = row.split()
        assert (model, version, engine) == (name, shipped(name).name, "litert") and int(microseconds) > 0
    assert lines[-1].strip().startswith(f"2 workers of {threads} threads") and f"{allotted_cores()} " in lines[-1]
    assert len(lines) < 25 and max(map(len, lines)) <= 120


def test_for_programs_it_is_one_line_with_the_same(caplog: pytest.LogCaptureFixture) -> None:
    line = json.loads(JsonFormatter().format(told(MODELS, caplog, port=9000, workers=2)))
    assert (line["message"], line["url"], line["workers"]) == ("ready", "http://127.0.0.1:9000", 2)
    assert [model["model"] for model in line["models"]] == SHIPPED
    assert all(model["microseconds"] > 0 and not model["faults"] for model in line["models"])


def test_a_version_that_is_not_served_is_told_with_its_fault(
    models_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (models_dir / "mnist" / "1" / "model.tflite").write_bytes(b"broken")
    record = told(models_dir, caplog)
    text = TextFormatter().format(record)
    assert "mnist  none" in text and "not served: " in text and "model.tflite: its SHA-256" in text
    assert "Squint is not ready, no version could be loaded of: mnist: " in text
    assert "SHA-256" in json.loads(JsonFormatter().format(record))["models"][0]["faults"]["1"]


def test_golden_pictures_that_are_gone_cost_only_their_figure(
    models_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry = Registry(models_dir, "auto", 1)
    registry.load()
    (models_dir / "mnist" / "1" / "golden" / "0.png").unlink()
    with caplog.at_level(logging.INFO):
        startup.tell(registry, Settings(models_dir=models_dir))
    line = json.loads(JsonFormatter().format(caplog.records[-1]))
    assert line["models"][0]["microseconds"] is None


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
def test_the_address_is_one_that_can_be_opened(host: str, url: str) -> None:
    assert startup.url(Settings(host=host)) == url
