"""The whole way from data to a published version, as somebody at a terminal goes it."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service import manifest as contract
from tests import tiny
from tests.app import app_over
from tests.conftest import png
from tests.tiny.datasets import tiny as tiny_data
from tests.training.conftest import arguments, invoke
from training import dataset, recipe, version_folder
from training import reproduce as reproduction
from training import run as runs

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module", autouse=True)
def _tiny() -> None:
    tiny.install()


def test_training_leaves_history_checkpoint_and_export(trained: Path) -> None:
    history = json.loads((trained / "history.json").read_text())
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3]
    assert set(history[0]) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"}
    result = json.loads((trained / "test.json").read_text())
    assert result["test_accuracy"] > 0.9 and result["parameters"] > 0 and result["seconds"] > 0
    assert (trained / "checkpoint.npz").exists() and (trained / "export" / "tiny" / "1" / "saved_model.pb").exists()


def test_a_published_version_keeps_the_contract(trained: Path, place: Path) -> None:
    folder = place / "models" / "tiny" / "1"
    manifest = contract.read(folder)
    contract.verify_files(folder, manifest)
    assert contract.digests(folder) == manifest.files
    assert manifest.provenance is not None and manifest.provenance.data_digest == tiny_data.DATA_SET.digest
    assert manifest.provenance.train_images == 700 and manifest.temperature and manifest.energy_threshold
    assert manifest.calibration_images == 100 and contract.measured_images(manifest, "litert") == 200
    assert len(manifest.calibration_slopes or ()) == 3 and manifest.calibration_prior == 0.5
    held_out = tiny_data.make().hold_out(100)[1]
    assert manifest.validation_digest == dataset.digest([held_out])
    assert {facts.validation_images for facts in manifest.engines.values()} == {100}
    assert (manifest.engines["litert"].validation_accuracy or 0) > 0.9
    assert (manifest.engines["litert"].accuracy or 0) > 0.9
    assert manifest.expects_drawings == version_folder.has_drawings(tiny_data.make().train.images)
    card = (folder / "README.md").read_text()
    assert len(manifest.golden) == 4 and "test split" in card
    assert "fitted on 100 held-out images" in card and "of 200 images (95 % interval" in card


def test_the_service_gives_the_accuracy_the_manifest_states(trained: Path, place: Path) -> None:
    client = app_over(place / "models").test_client()
    images, labels = tiny_data.make().test
    answers = [client.post("/models/tiny/predict", data=png(Image.fromarray(image[..., 0]))) for image in images]
    predicted = [answer.get_json()["predictions"][0]["index"] for answer in answers]
    stated = contract.read(place / "models" / "tiny" / "1").engines["litert"].accuracy
    assert (np.array(predicted) == labels).mean() == stated


def test_a_runs_export_is_itself_a_models_folder(trained: Path) -> None:
    assert app_over(trained / "export").test_client().get("/readyz").status_code == 200


def test_evaluate_measures_run_and_version_alike(trained: Path, place: Path) -> None:
    lines = [invoke("evaluate", str(folder), *arguments(place)[:2]).output for folder in
             (trained, place / "models" / "tiny" / "1")]  # fmt: skip
    assert lines[0] == lines[1] and lines[0].count("accuracy") == 2
    only = invoke("evaluate", str(trained), "--engine", "litert", *arguments(place)[:2]).output
    assert only.count("accuracy") == 1


def test_export_publishes_the_next_version(trained: Path, place: Path) -> None:
    models = place / "more-models"
    other = place / "other-run"
    shutil.copytree(trained, other)
    export = other / "export" / "tiny" / "1"
    (export / "README.md").write_text("another run's card")
    contract.write(export, contract.read(export))
    for version, run in ((1, trained), (2, other)):
        result = invoke("export", str(run), "--models-dir", str(models))
        assert f"published {models / 'tiny' / str(version)}" in result.output
        assert contract.read(models / "tiny" / str(version)).version == version
    assert sorted(path.name for path in (models / "tiny").iterdir()) == ["1", "2"]


def test_the_same_export_is_published_once(trained: Path, place: Path) -> None:
    models = place / "same-models"
    for _ in range(2):
        result = invoke("export", str(trained), "--models-dir", str(models))
        assert f"published {models / 'tiny' / '1'}" in result.output
    assert [path.name for path in (models / "tiny").iterdir()] == ["1"]


def test_a_less_accurate_version_is_refused_unless_forced(trained: Path, place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "models", tmp_path / "models")
    folder = tmp_path / "models" / "tiny" / "1"
    manifest = contract.read(folder)
    perfect = {name: facts.model_copy(update={"validation_accuracy": 1.0}) for name, facts in manifest.engines.items()}
    worse = {name: facts.model_copy(update={"validation_accuracy": 0.5}) for name, facts in manifest.engines.items()}
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    contract.write(folder, manifest.model_copy(update={"engines": perfect}))
    (run / "export" / "tiny" / "1" / "README.md").write_text("another run's card")
    contract.write(run / "export" / "tiny" / "1", manifest.model_copy(update={"engines": worse}))
    refused = invoke("export", str(run), "--models-dir", str(tmp_path / "models"))
    assert refused.exit_code == 1 and "50.00%, and 100.00%" in refused.output and "--force" in refused.output
    assert [path.name for path in folder.parent.iterdir()] == ["1"]
    forced = invoke("export", str(run), "--force", "--models-dir", str(tmp_path / "models"))
    assert forced.exit_code == 0 and (tmp_path / "models" / "tiny" / "2").exists()


def test_a_finished_run_is_not_trained_again(trained: Path, place: Path) -> None:
    before = (trained / "checkpoint.npz").stat().st_mtime_ns
    result = invoke("train", "tiny", *arguments(place))
    assert "epoch" not in result.output and "test accuracy" in result.output and result.exit_code == 0
    assert (trained / "checkpoint.npz").stat().st_mtime_ns == before


def test_a_version_carries_its_figures_and_its_card_shows_them(trained: Path, place: Path) -> None:
    folder = place / "models" / "tiny" / "1"
    card, files = (folder / "README.md").read_text(), contract.read(folder).files
    for name in ("curves", "confusion", "reliability", "predictions", "mistakes"):
        assert f"(figures/{name}.png)" in card and f"figures/{name}.png" in files
    found = json.loads((folder / "report.json").read_text())
    assert found["accuracy"] == contract.read(folder).engines["litert"].accuracy and len(found["history"]) == 3


def test_compare_prints_runs_side_by_side(trained: Path, tmp_path: Path) -> None:
    unfinished = runs.create(tmp_path, recipe.find("tiny"), 7)
    head, first, second = invoke("compare", str(unfinished.folder), str(trained)).output.splitlines()
    assert head.split()[:3] == ["recipe", "seed", "epochs"]
    assert first.split()[:3] == ["tiny", "1", "3/3"] and second.split()[:3] == ["tiny", "7", "0/3"]
    assert "%" in first and "–" in second


def test_another_seed_is_another_run(trained: Path, place: Path) -> None:
    result = invoke("train", "tiny", "--seed", "2", *arguments(place))
    assert result.exit_code == 0, result.output
    (other,) = (place / "runs").glob("tiny-seed2-*")
    one, two = (runs.open_run(folder).load() for folder in (trained, other))
    assert one and two and len(one.history) == len(two.history)
    assert any(not np.array_equal(*pair) for pair in zip(one.variables, two.variables, strict=True))


def test_an_unfinished_run_cannot_be_exported(place: Path, tmp_path: Path) -> None:
    result = invoke("export", str(tmp_path))
    assert result.exit_code == 1 and "is not a run" in result.output
    unfinished = runs.create(tmp_path, recipe.find("tiny"), 1)
    result = invoke("export", str(unfinished.folder))
    assert result.exit_code == 1 and "is not finished" in result.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train", "nope"], "no recipe is called 'nope'"),
        (["inspect", "nope"], "no data set is called 'nope'"),
        (["train", "tiny"], "pass --data-dir FOLDER:\n  tiny.npz"),
        (["evaluate", "."], "is not a run"),
    ],
)
def test_a_fault_is_one_clear_line_without_a_traceback(words: list[str], told: str) -> None:
    if words == ["train", "tiny"]:
        sys.modules["keras.datasets.nothing_of_that_name"] = type(sys)("offline")
    result = invoke(*words)
    assert result.exit_code == 1 and told in result.output and "Traceback" not in result.output


@pytest.mark.parametrize(
    "command", ["list", "inspect", "train", "train-folder", "evaluate", "compare", "export", "reproduce"]
)
def test_every_command_explains_itself(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0 and len(result.output.splitlines()) > 4
    assert command in invoke("--help").output


def test_list_and_inspect_show_what_there_is(place: Path, tmp_path: Path) -> None:
    assert "tiny" in invoke("list").output
    result = invoke("inspect", "tiny", *arguments(place)[:2], "--out", str(tmp_path / "grid.png"))
    assert "south-east" in result.output and "images match labels" in result.output
    assert (tmp_path / "grid.png").exists() and (tmp_path / "grid-augmented.png").exists()


def test_a_recipe_that_predicts_a_number_is_measured_and_not_exported(place: Path) -> None:
    result = invoke("train", "tiny_number", "--publish", *arguments(place))
    assert "test loss" in result.output and "without probabilities" in result.output
    (run,) = (place / "runs").glob("tiny_number-*")
    measured = json.loads((run / "test.json").read_text())
    assert measured["test_loss"] > 0 and measured["test_accuracy"] < 1
    assert not (run / "export").exists() and not (place / "models" / "tiny_number").exists()
    refused = invoke("export", str(run), "--models-dir", str(place / "models"))
    assert refused.exit_code == 1 and "without probabilities" in refused.output


def test_a_recipe_that_holds_nothing_out_is_served_without_calibration(place: Path) -> None:
    result = invoke("train", "tiny_whole", "--publish", *arguments(place))
    assert result.exit_code == 0, result.output
    manifest = contract.read(place / "models" / "tiny_whole" / "1")
    assert manifest.temperature is None and manifest.energy_threshold is None and manifest.calibration_images is None
    client = app_over(place / "models").test_client()
    picture = png(Image.fromarray(tiny_data.make().test.images[0, ..., 0]))
    (prediction,) = client.post("/models/tiny_whole/predict", data=picture).get_json()["predictions"]
    assert "in_distribution" not in prediction and prediction["label"] == "north-west"


def test_reproduce_runs_a_family_and_tables_it_beside_what_is_reported(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "docs" / "reproduction.md"
    words = ["--data-dir", str(place / "data"), "--runs-dir", str(tmp_path / "runs"), "--out", str(out)]
    result = invoke("reproduce", "--recipe", "tiny_family", "--seeds", "2", *words)
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "runs").glob("tiny_*-seed*"))) == 4
    before = out.read_text()
    shutil.rmtree(tmp_path / "runs")
    again = invoke("reproduce", "--recipe", "tiny_family", "--seeds", "2", *words)
    assert "epoch" not in again.output and "wrote" in again.output and out.read_text() == before
    ledger = reproduction.Ledger(out.with_suffix(".json"))
    (out.parent / "other.md").write_text(before)
    refused = invoke("reproduce", "--recipe", "tiny_family", *words[:-1], str(out.parent / "other.md"))
    assert refused.exit_code == 1 and "its figures would be lost" in refused.output
    assert (out.parent / "other.md").read_text() == before
    rows = list(reproduction.table(reproduction.finished(ledger, "tiny_family")))
    assert len(rows) == 4 and all(" ± " in row and "| 2 |" in row for row in rows[2:])
    assert "`tiny_whole`" in rows[3] and "99.00% (–)" in rows[3]
    assert list(reproduction.remarks(reproduction.finished(ledger, "tiny_family"))) == ["* `tiny_whole`: it differs."]
    assert "## Courses and books" in out.read_text() and "| not run |" in out.read_text()


def test_the_original_settings_of_a_run_are_found_again(trained: Path) -> None:
    run = runs.open_run(trained)
    assert run.recipe.model_dump(mode="json") == recipe.find("tiny").model_dump(mode="json")
    assert run.folder.name.endswith(recipe.fingerprint(run.recipe))


@pytest.mark.parametrize("option", [["--images", "."], ["--size", "64"], ["--grey"], ["--name", "x"]])
def test_a_recipe_with_a_data_set_of_its_own_takes_no_options_of_own_images(option: list[str]) -> None:
    result = invoke("train", "tiny", *option)
    assert result.exit_code == 2 and f"No such option '{option[0]}'" in result.stderr


def test_training_on_own_images_is_pointed_to_its_command() -> None:
    result = invoke("train", "folder")
    assert result.exit_code == 2 and "train-folder --images DIR --name NAME" in result.stderr


def test_a_run_of_other_recipe_fields_is_told_so(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    stated = json.loads((tmp_path / "run" / "recipe.json").read_text())
    stated["recipe"]["augmentation"]["jpeg"] = 0.1
    (tmp_path / "run" / "recipe.json").write_text(json.dumps(stated))
    result = invoke("evaluate", str(tmp_path / "run"))
    assert result.exit_code == 1 and "augmentation.jpeg" in result.output and "train it again" in result.output
