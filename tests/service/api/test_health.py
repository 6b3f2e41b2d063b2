"""Probes and metrics."""

from werkzeug.test import Client

from tests.app import app_over
from tests.conftest import MODELS, golden, shipped


def sample(text: str, start: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(start))


def test_a_loaded_service_is_live_and_ready(client: Client) -> None:
    assert client.get("/livez").get_json() == {"status": "live"}
    assert client.get("/readyz").get_json() == {"status": "ready"}


def test_metrics_count_requests_stages_and_predictions() -> None:
    client = app_over(MODELS).test_client()
    for _ in range(3):
        client.post("/models/mnist/predict", data=golden())
    client.get("/models/mnist")
    client.get("/never/heard/of")
    client.open("/livez", method="BREW")
    text = client.get("/metrics").get_data(as_text=True)
    requests = 'squint_http_requests_total{method="POST",route="/models/<name>/predict",status="200"}'
    assert sample(text, requests) == 3
    version = shipped("mnist").name
    assert sample(text, f'squint_predictions_total{{label="7",model="mnist",version="{version}"}}') == 3
    for stage in ("queue", "decode", "prepare", "infer"):
        labels = f'{{model="mnist",stage="{stage}",version="{version}"}}'
        assert sample(text, f"squint_stage_duration_seconds_total{labels}") > 0
    assert sample(text, 'squint_http_request_duration_seconds_count{route="/models/<name>/predict"}') == 3
    assert sample(text, 'squint_http_requests_total{method="GET",route="unmatched",status="404"}') == 1
    assert sample(text, 'squint_http_requests_total{method="other"') == 1
    assert "never" not in text
