"""Versions and labels in addresses, and what is said of those that do not answer."""

import json
from pathlib import Path

import pytest
from werkzeug.test import Client

from service.app import MODELS_AT_START, create
from service.inference.registry import Registry
from tests.app import App, app_of
from tests.conftest import golden
from tests.publishing import label, misstated, publish


@pytest.fixture
def registry(models_dir: Path) -> Registry:
    """Versions 1 and 2, labelled, and 3, which is bad; not loaded yet."""
    publish(models_dir, 2)
    publish(models_dir, 3, golden=misstated(models_dir / "mnist" / "1"))
    label(models_dir, stable=1, canary=2)
    return Registry(models_dir, "litert", threads=1)


@pytest.fixture
def client(registry: Registry, models_dir: Path) -> Client:
    app = app_of(registry, models_dir=models_dir)
    registry.load()
    return app.test_client()


def predicted(client: Client, below: str) -> int:
    """The version that answered."""
    answer = client.post(f"/models/mnist{below}/predict", data=golden())
    assert answer.status_code == 200, answer.get_json()
    return int(answer.get_json()["version"])


def test_a_label_addresses_its_version(client: Client) -> None:
    assert (predicted(client, "/labels/stable"), predicted(client, "/labels/canary")) == (1, 2)
    assert (predicted(client, ""), predicted(client, "/versions/1")) == (2, 1)
    assert client.get("/models/mnist/labels/stable").get_json() == client.get("/models/mnist/versions/1").get_json()


def test_a_label_that_is_none_is_a_404_that_names_the_others(client: Client) -> None:
    for answer in (client.get("/models/mnist/labels/beta"), client.post("/models/mnist/labels/beta/predict")):
        problem = answer.get_json()
        assert (answer.status_code, problem["code"]) == (404, "unknown_label")
        assert "stable, canary" in problem["detail"]


def test_a_model_tells_the_state_of_all_its_versions_and_their_labels(client: Client) -> None:
    described = client.get("/models/mnist").get_json()
    assert described["states"] == {"1": "loaded", "2": "loaded", "3": "fault"}
    assert described["version_labels"] == {"stable": 1, "canary": 2}
    assert (described["version"], described["versions"], list(described["faults"])) == (2, [1, 2], ["3"])
    assert "golden/0.png" in described["faults"]["3"] and described["labels"][7] == "7"
    assert client.get("/models/mnist/versions/3").status_code == 503


def test_labels_that_could_not_be_taken_are_told(client: Client, registry: Registry, models_dir: Path) -> None:
    label(models_dir, stable=3)
    registry.look()
    registry.look()
    described = client.get("/models/mnist").get_json()
    assert described["version_labels"] == {"stable": 1, "canary": 2}
    assert "names version 3, which is not served" in described["faults"]["version_labels.json"]


def test_a_models_folder_that_went_away_is_told_while_its_models_serve(
    client: Client, registry: Registry, models_dir: Path, tmp_path: Path
) -> None:
    assert "fault" not in client.get("/models").get_json()
    models_dir.rename(tmp_path / "elsewhere")
    registry.look()
    listed = client.get("/models").get_json()
    assert str(models_dir) in listed["fault"] and [model["name"] for model in listed["models"]] == ["mnist"]
    assert predicted(client, "") == 2 and client.get("/readyz").status_code == 200


def test_metrics_count_loads_and_tell_which_versions_answer(
    client: Client, registry: Registry, models_dir: Path
) -> None:
    (models_dir / "mnist" / "1").rename(models_dir / "mnist" / ".1")
    registry.look()
    text = client.get("/metrics").get_data(as_text=True)
    for version, outcome in ((1, "loaded"), (1, "removed"), (2, "loaded"), (3, "failed")):
        line = f'squint_model_loads_total{{model="mnist",outcome="{outcome}",version="{version}"}} 1.0'
        assert line in text
    ready = [f'squint_model_version_ready{{model="mnist",version="{version}"}} {n}.0' for version, n in
             ((1, 0), (2, 1), (3, 0))]  # fmt: skip
    assert all(line in text for line in ready)


@pytest.mark.parametrize(("at_start", "status"), [(None, 503), (["mnist"], 200), (["mnist", "other"], 503)])
def test_a_worker_waits_for_the_models_that_were_there_at_the_start(
    models_dir: Path, at_start: list[str] | None, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (models_dir / "other").mkdir()
    (publish(models_dir, 1, name="other") / "model.tflite").unlink()
    monkeypatch.delenv(MODELS_AT_START, raising=False)
    if at_start is not None:
        monkeypatch.setenv(MODELS_AT_START, json.dumps(at_start))
    monkeypatch.setenv("SQUINT_MODELS_DIR", str(models_dir))
    app = App(create())
    app.application.registry.load()
    assert app.test_client().get("/readyz").status_code == status
