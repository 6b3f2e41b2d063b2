"""The model card is Markdown with the front matter that Hugging Face asks for, whatever the labels are."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from service import manifest as contract
from service.manifest import EngineFacts, Golden, InputSpec, Manifest
from tests.tiny.datasets import tiny
from training import card, dataset, recipe
from training.dataset import DataSet
from training.recipe import Recipe

# What would end a cell, a row, a link or the front matter.
LABELS = ("a|b", "*c*", "[d](e)", "---")


def described(labels: tuple[str, ...], accuracy: float | None) -> Manifest:
    facts = EngineFacts(tolerance=0.01, accuracy=accuracy, test_images=10 if accuracy else None)
    golden = Golden(file="golden/0.png", probabilities={"litert": (0.25,) * len(labels)})
    return Manifest(
        name="odd",
        version=1,
        labels=labels,
        input=InputSpec(height=12, width=12, channels=1),
        kind="photo",
        engines={"litert": facts, "tensorflow": facts},
        golden=(golden,),
        files={"golden/0.png": "0" * 64},
    )


def report(labels: tuple[str, ...]) -> dict[str, Any]:
    row = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "images": 2, "taken_for": labels[0], "mistaken": 1}
    return {"classes": dict.fromkeys(labels, row), "calibration_errors": {"litert": 0.1, "tensorflow": 0.1}}


def written(folder: Path, data_set: DataSet, of: Recipe | None) -> tuple[dict[str, Any], str]:
    """The front matter and the rest of a card."""
    card.write(folder, described(LABELS, 0.5), data_set, "A *model* of | tests.", of, report(LABELS))
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front), text


@pytest.mark.parametrize("name", sorted(dataset.all_data_sets().keys() - {"tiny"}))
def test_the_front_matter_is_what_hugging_face_asks_for(tmp_path: Path, name: str) -> None:
    data_set = dataset.find(name)
    front, text = written(tmp_path, data_set, recipe.find(name))
    assert front["license"] == "apache-2.0" and front["library_name"] == "tf-keras"
    assert front["pipeline_tag"] == "image-classification" and front["metrics"] == ["accuracy"]
    assert front["datasets"] == [data_set.hub_id] and "/" in data_set.hub_id
    ((model,),) = (front["model-index"],)
    (result,) = model["results"]
    assert model["name"] == "odd" and result["task"]["type"] == "image-classification"
    assert result["dataset"] == {"name": data_set.title, "type": data_set.hub_id, "split": "test"}
    assert result["metrics"][0] == {"type": "accuracy", "name": "litert", "value": 0.5}
    assert f"Licence of the data: {data_set.licence}" in text and f"python -m training train {name}\n" in text


def test_a_model_of_ones_own_or_of_unknown_origin_claims_no_licence(tmp_path: Path) -> None:
    front, _ = written(tmp_path, tiny.DATA_SET, recipe.find("mnist"))
    assert front["license"] == "unknown" and "datasets" not in front
    card.write(tmp_path, described(LABELS, None), tiny.DATA_SET, "Imported.", None, {})
    text = (tmp_path / "README.md").read_text()
    front = yaml.safe_load(text.split("---\n", 2)[1])
    assert front["license"] == "unknown" and "model-index" not in front and "Neither measured nor calibrated" in text


def test_labels_do_not_break_the_tables(tmp_path: Path) -> None:
    _, text = written(tmp_path, tiny.DATA_SET, recipe.find("mnist"))
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len(tables) == 4 + 2 + len(LABELS)
    assert {line.replace(r"\|", "").count("|") for line in tables[:4]} == {5}
    assert {line.replace(r"\|", "").count("|") for line in tables[4:]} == {6}
    assert r"| a\|b |" in text and r"\*c\*" in text and r"\[d\](e)" in text and r"A \*model\* of \| tests." in text


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_nothing_is_left_of_the_template(tmp_path: Path, name: str) -> None:
    _, text = written(tmp_path, dataset.find(name), recipe.find(name))
    assert "{" not in text.replace(r"\{", "") and "\n\n\n" not in text and contract.FILE_NAME not in text
