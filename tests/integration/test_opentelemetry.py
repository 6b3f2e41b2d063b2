"""The service under `opentelemetry-instrument`, as in docs/observability.md."""

import importlib.util
import re
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import golden
from tests.integration.server import SETTINGS, running

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VARIABLES = ("OTEL_TRACES_EXPORTER=console", "OTEL_METRICS_EXPORTER=none", "OTEL_LOGS_EXPORTER=none")
INSTRUMENT = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"


def test_each_request_is_a_span_of_its_callers_trace(tmp_path: Path) -> None:
    if not importlib.util.find_spec("opentelemetry") or not importlib.util.find_spec(
        "opentelemetry.instrumentation.flask"
    ):
        pytest.skip("opentelemetry-distro and opentelemetry-instrumentation-flask are not installed")
    command = ("env", *VARIABLES, SETTINGS, sys.executable, "-c", INSTRUMENT, sys.executable, "-m", "service", "serve")
    with running(tmp_path / "log", command, workers=2) as server:
        for _ in range(4):
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            request = urllib.request.Request(f"{server.url}/models/mnist/predict", data=golden(), headers=headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 200
    log = server.log.read_text()
    assert len(set(re.findall(rf'"trace_id": "0x{TRACE}",\s+"span_id": "0x(\w+)"', log))) == 4
    assert log.count(f'"parent_id": "0x{PARENT}"') == 4
    assert "Traceback" not in log
