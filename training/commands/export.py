"""The command that publishes: what was trained here, or elsewhere."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

import click

from service import manifest as contract
from service.manifest import Manifest
from training import dataset, own_data
from training import run as runs
from training.calibrate import state
from training.commands import options
from training.dataset import DataSet
from training.own_data import Evidence
from training.run import Run


@click.command()
@click.argument("source", metavar="RUN_OR_MODEL", type=options.RUN_OR_MODEL)
@options.force
@options.models_dir
@click.option("--name", "model", help="model: its name, as in its address.")
@click.option(
    "--pixels",
    type=click.Choice(["0..255", "0..1", "-1..1"]),
    default="0..255",
    show_default=True,
    help="model: the range of the pixels it was trained on.",
)
@click.option("--data-set", help="model: measure and calibrate it on this data set's test split, such as mnist.")
@options.data_dir
@options.own_images
def export(
    source: Path,
    force: bool,
    models_dir: Path,
    model: str | None,
    pixels: own_data.Pixels,
    data_set: str | None,
    data_dir: Path | None,
    **own: Unpack[own_data.Stated],
) -> None:
    """Publishes a finished RUN as the next version of its model, such as models/mnist/2.

    The version appears at once and whole. One that is less accurate on the same held-out images than the one it would
    replace, by more than chance explains, is refused.

    Or imports a MODEL trained elsewhere, a .keras file or the folder of a SavedModel: export MODEL --name NAME --labels
    FILE --kind photo. With --images or --data-set it is measured and calibrated too. A SavedModel's signature
    serving_default takes images and gives one number a class, logits or probabilities.
    """
    if (source / "recipe.json").exists():
        publish_run(runs.open_run(source), models_dir, force)
        return
    if data_dir and not data_set:
        raise click.UsageError("--data-dir holds the files of a --data-set, such as mnist; name it too")
    measured_on = dataset.find(data_set) if data_set else None
    from training.import_model import ImportedModel, check_is_model, import_model
    from training.publish import publish_version

    check_is_model(source)
    evidence = _evidence(source, measured_on, data_dir, own)
    labels = own_data.read_labels(own["labels"]) if own["labels"] else evidence.data_set.labels if evidence else None
    if not model or not re.fullmatch(contract.NAME_PATTERN, model) or not labels:
        raise click.UsageError(
            f"{source} is a model trained elsewhere. It needs --name, of lower-case letters, digits, _ and -, and "
            "its class names in order: --labels FILE, or --images or --data-set to measure it on"
        )
    if evidence and not own["labels"]:
        click.echo(f"classes, in the order that the model is taken to have: {', '.join(labels)}")
    kind = evidence.data_set.kind if evidence else own["kind"]
    with tempfile.TemporaryDirectory() as folder:
        imported = ImportedModel(source=source, name=model, labels=labels, kind=kind, pixels=pixels)
        version = import_model(imported, evidence, Path(folder))
        for line in measured_lines(contract.read(version)):
            click.echo(line)
        if "litert" not in contract.read(version).engines:
            click.echo("LiteRT cannot run this model: only a service that has TensorFlow can serve it, see the README")
        _echo_published(*publish_version(version, models_dir, force=force))


def _evidence(source: Path, data_set: DataSet | None, data_dir: Path | None, own: own_data.Stated) -> Evidence | None:
    """Labelled images to measure on: a data set, or one's own, read as the model takes them, or none."""
    if data_set:
        return Evidence(data_set, dataset.load(data_set, data_dir), has_test_split=True)
    images = own["images"]
    if images is None:
        return None
    from training.import_model import image_shape

    name, _, content = own_data.read(images, own, None if own["size"] else image_shape(source))
    for sentence in (*content.layout, *content.remarks):
        click.echo(sentence)
    described = dataset.of_content(name, f"images of {images.resolve().name}", content)
    return Evidence(described, content.splits, content.divided)


def measured_lines(manifest: Manifest) -> Iterator[str]:
    """What is known of a version's accuracy with each engine, and on what its probabilities rest."""
    from training.evaluate import accuracy_text

    for engine, facts in manifest.engines.items():
        if facts.accuracy is None:
            yield f"{manifest.name} with {engine}: not measured"
        else:
            accuracy = accuracy_text(facts.accuracy, contract.measured_images(manifest, engine))
            yield f"{manifest.name} with {engine} ({facts.weights}): test accuracy {accuracy}"
    yield f"calibration: {state(manifest.temperature, manifest.calibration_images)}"


def publish_run(run: Run, models_dir: Path, force: bool) -> None:
    """Publishes a run and says where."""
    from training.publish import publish

    _echo_published(*publish(run, models_dir, force=force))


def _echo_published(folder: Path, note: str | None) -> None:
    if note:
        click.echo(note)
    click.echo(f"published {folder}")
