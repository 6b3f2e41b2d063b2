"""The model card: a README with Hugging Face's front matter, for people and for model hubs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml

from service.manifest import Manifest
from training import backend, calibrate
from training.dataset import DataSet
from training.evaluate import accuracy_text
from training.recipe import Recipe

FILE_NAME = "README.md"
# Of the code, and so of what it trains on public data. Other weights are their owner's to license.
_LICENCE, _OWNERS_LICENCE = "apache-2.0", "unknown"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")


def write(
    folder: Path,
    manifest: Manifest,
    data_set: DataSet,
    description: str,
    recipe: Recipe | None,
    report: Mapping[str, Any],
) -> None:
    """Writes the card of a version folder, from its manifest and its report, which is empty if it was not measured.

    `description` says in whole sentences what the model is; `recipe` is that of a model trained here.
    """
    environment = jinja2.Environment(  # noqa: S701  the card is Markdown, which `plain` escapes
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": _plain}
    metadata = _metadata(manifest, data_set, trained_on=data_set.hub_id if recipe else "")
    text = environment.get_template("card.md.j2").render(
        metadata=yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True),
        manifest=manifest,
        data_set=data_set,
        description=description,
        recipe=recipe,
        report=report,
        calibration=calibrate.state(manifest.temperature, manifest.calibration_images),
        accuracy_text=accuracy_text,
        processor=backend.processor(),
    )
    (folder / FILE_NAME).write_text(text)


def _plain(text: str) -> str:
    """Text in which nothing is Markdown, for prose and table cells."""
    return _MARKDOWN.sub(r"\\\1", text)


def _metadata(manifest: Manifest, data_set: DataSet, trained_on: str) -> dict[str, Any]:
    """Hugging Face's model card metadata, https://huggingface.co/docs/hub/model-cards; `trained_on` is the Hub's."""
    metadata: dict[str, Any] = {
        "license": _LICENCE if trained_on else _OWNERS_LICENCE,
        # Of the libraries that the Hub knows the one which loads a SavedModel.
        "library_name": "tf-keras",
        "pipeline_tag": "image-classification",
        "tags": ["tensorflow", *(["tflite"] if "litert" in manifest.engines else [])],
    }
    if trained_on:
        metadata["datasets"] = [trained_on]
    accuracies = {name: facts.accuracy for name, facts in manifest.engines.items() if facts.accuracy is not None}
    if accuracies:
        figures = [{"type": "accuracy", "name": name, "value": round(one, 4)} for name, one in accuracies.items()]
        stated = {"name": data_set.title, "type": data_set.hub_id or data_set.name, "split": "test"}
        result = {"task": {"type": "image-classification"}, "dataset": stated, "metrics": figures}
        metadata |= {"metrics": ["accuracy"], "model-index": [{"name": manifest.name, "results": [result]}]}
    return metadata
