"""The service under `opentelemetry-instrument`, as docs/observability.md tells it."""

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


def test_each_request_is_a_span_of_its_callers_trace_recorded_in_its_worker(tmp_path: Path) -> None:
    if not importlib.util.find_spec("opentelemetry") or not importlib.util.find_spec(
        "opentelemetry.instrumentation.flask"
    ):
        pytest.skip("opentelemetry-distro and opentelemetry-instrumentation-flask are not installed")
    command = ("env", *VARIABLES, SETTINGS, sys.executable, "-c", INSTRUMENT, sys.executable, "-m", "service", "serve")
    with running(tmp_path / "log", command, workers=2) as server:
        spans = set()
        for _ in range(4):
            asked = urllib.request.Request(
                f"{server.url}/models/mnist/predict", data=golden(), headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}
            )
            with urllib.request.urlopen(asked, timeout=30) as answer:
                spans.add(answer.headers["traceparent"].split("-")[2])
    log = server.log.read_text()
    recorded = re.findall(rf'"trace_id": "0x{TRACE}",\s+"span_id": "0x(\w+)"', log)
    assert len(spans) == 4 and spans <= set(recorded)
    assert "Traceback" not in log
