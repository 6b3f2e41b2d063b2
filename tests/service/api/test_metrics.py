"""What is counted of requests, predictions and versions, in a format that Prometheus reads."""

from io import BytesIO
from pathlib import Path

import pytest
from flask import Response
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

from service.api.metrics import Metrics
from service.inference.registry import Change
from tests.app import app_over
from tests.conftest import MODELS, SHIPPED, golden, png, shipped

PREDICT = "/models/mnist/predict"


def counted(client: Client, name: str, **labels: str) -> float:
    """The sum of the samples of a name that have these labels."""
    text = client.get("/metrics").get_data(as_text=True)
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.fixture
def fresh() -> Client:
    """An app that has counted nothing."""
    return app_over(MODELS).test_client()


def test_the_text_is_prometheus_own_and_every_metric_has_help_and_type(fresh: Client) -> None:
    fresh.post(PREDICT, data=golden())
    answer = fresh.get("/metrics")
    families = list(text_string_to_metric_families(answer.get_data(as_text=True)))
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert len(families) > 15 and all(family.documentation and family.type != "unknown" for family in families)
    assert len({family.name for family in families}) == len(families)


def test_a_prediction_is_counted_by_version_with_its_times_and_probability(fresh: Client) -> None:
    which = {"model": "mnist", "version": shipped("mnist").name}
    fresh.post(PREDICT, data=golden())
    assert counted(fresh, "squint_prediction_duration_seconds_count", **which) == 1
    assert counted(fresh, "squint_prediction_probability_count", **which) == 1
    assert counted(fresh, "squint_prediction_probability_bucket", **which, le="0.9") == 0
    for stage in ("queue", "decode", "prepare", "infer"):
        assert counted(fresh, "squint_stage_duration_seconds_total", **which, stage=stage) > 0
    assert counted(fresh, "squint_http_request_duration_seconds_count", route="/models/<name>/predict") == 1


def test_every_picture_of_a_request_is_counted_by_label_and_likeness(fresh: Client) -> None:
    noise = Image.effect_noise((28, 28), 200)
    noise.paste(0, (0, 0, 28, 1))
    pictures = [golden(label=7), golden(label=7), golden(label=3), png(noise)]
    fresh.post(PREDICT, data={"image": [(BytesIO(data), "a.png") for data in pictures]})
    assert counted(fresh, "squint_predictions_total", model="mnist") == 4
    assert counted(fresh, "squint_predictions_total", label="7") >= 2
    assert counted(fresh, "squint_in_distribution_total", in_distribution="true") == 3
    assert counted(fresh, "squint_in_distribution_total", in_distribution="false") == 1
    assert counted(fresh, "squint_prediction_duration_seconds_count") == 1


def test_the_time_of_a_request_without_a_prediction_is_no_time_of_predictions(fresh: Client) -> None:
    fresh.post(PREDICT, data=b"no picture")
    assert counted(fresh, "squint_http_requests_total", route="/models/<name>/predict", status="415") == 1
    assert counted(fresh, "squint_prediction_duration_seconds_count") == 0
    assert counted(fresh, "squint_stage_duration_seconds_total", stage="decode") > 0


@pytest.mark.parametrize(
    ("status", "name"), [(429, "squint_requests_shed_total"), (504, "squint_request_deadlines_passed_total")]
)
def test_refusals_are_counted_by_route(status: int, name: str) -> None:
    app = app_over(MODELS)
    app.flask.add_url_rule("/refuse", view_func=lambda: Response("", status))
    client = app.test_client()
    client.get("/refuse")
    client.get("/livez")
    assert counted(client, name) == counted(client, name, route="/refuse") == 1


def test_the_outcome_of_loading_each_version_is_counted(fresh: Client, models_dir: Path) -> None:
    assert counted(fresh, "squint_model_loads_total", outcome="loaded") == len(SHIPPED)
    assert counted(fresh, "squint_model_version_ready") == len(SHIPPED)
    (models_dir / "mnist" / "1" / "model.tflite").write_bytes(b"broken")
    broken = app_over(models_dir).test_client()
    assert counted(broken, "squint_model_loads_total", model="mnist", version="1", outcome="failed") == 1
    assert counted(broken, "squint_model_version_ready", model="mnist", version="1") == 0


def test_a_version_that_failed_to_load_again_may_still_be_ready() -> None:
    metrics = Metrics()
    for outcome, ready in (("loaded", True), ("failed", True)):
        metrics.count_change(Change("mnist", 3, outcome, ready))  # type: ignore[arg-type]
    registry = metrics._registry
    which = {"model": "mnist", "version": "3"}
    assert registry.get_sample_value("squint_model_version_ready", which) == 1
    assert registry.get_sample_value("squint_model_loads_total", which | {"outcome": "failed"}) == 1
    metrics.count_change(Change("mnist", 3, "removed", False))
    assert registry.get_sample_value("squint_model_version_ready", which) == 0


def test_callers_cannot_make_new_series(fresh: Client) -> None:
    def series() -> int:
        text = fresh.get("/metrics").get_data(as_text=True)
        return len([line for line in text.splitlines() if not line.startswith("#")])

    def ask(number: int) -> None:
        fresh.get(f"/made/up/{number}")
        fresh.post(f"/models/made-up-{number}/predict", data=golden())
        fresh.open("/livez", method=f"BREW{number}")
        fresh.post(f"/models/mnist/versions/{number + 1000}/predict", data=golden())

    ask(0)
    fresh.get("/metrics")
    before = series()
    for number in range(1, 30):
        ask(number)
    assert series() == before
