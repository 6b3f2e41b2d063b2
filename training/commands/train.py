"""Commands that train."""

import re
from pathlib import Path
from typing import Unpack

import click

from service import manifest as contract
from training import atomic, dataset, own_data, recipe
from training import run as runs
from training.commands import options
from training.commands.export import publish_run
from training.recipe import Recipe
from training.run import Run


@click.command()
@click.argument("name", metavar="RECIPE")
@options.data_dir
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of weights, order, augmentation."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Train for another number of epochs than the recipe says.")
@click.option("--publish", is_flag=True, help="Put the result into the models folder as the next version.")
@options.force
@options.runs_dir
@options.models_dir
@options.own_images
@click.option("--name", "model", help="folder: the name of the model, as in its address.")
def train(
    name: str,
    data_dir: Path | None,
    seed: int,
    epochs: int | None,
    publish: bool,
    force: bool,
    runs_dir: Path,
    models_dir: Path,
    model: str | None,
    **own: Unpack[own_data.Stated],
) -> None:
    """Trains RECIPE, or every recipe of a family, measures it once on the test split and exports a SavedModel.

    History, checkpoints and the export are kept below runs/. A run that was stopped, by Ctrl-C or worse, goes on after
    its last finished epoch when the same command is given again, and ends with the same weights.

    Your own images: train folder --images DIR --name NAME, with the options marked so.
    """
    recipes = recipe.find_all(name) if name != "folder" else [_own_recipe(model, own)]
    for chosen in recipes:
        run = runs.create(runs_dir, recipe.with_epochs(chosen, epochs) if epochs else chosen, seed)
        _train(run, data_dir)
        if publish:
            publish_run(run, models_dir, force)


@click.command()
@click.option("--recipe", "names", multiple=True, help="Only this recipe or family; may be given several times.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Seeds 1 to this, of each.")
@options.data_dir
@options.runs_dir
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("docs/reproduction.md"), show_default=True
)
def reproduce(names: tuple[str, ...], seeds: int, data_dir: Path | None, runs_dir: Path, out: Path) -> None:
    """Trains the textbook recipes and writes what they give beside what is reported of them.

    Runs that are finished are only read, so the command can be stopped and given again. Nothing is published.
    """
    from training import reproduce as reproduction

    for seed in range(1, seeds + 1):
        for name in names or reproduction.FAMILIES:
            for chosen in recipe.find_all(name):
                _fit(runs.create(runs_dir, chosen, seed), data_dir)
    out.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(out, reproduction.document(runs_dir))
    click.echo(f"wrote {out}")


@click.command(hidden=True)
@click.argument("run_dir", metavar="RUN", type=options.FOLDER)
@options.data_dir
def package(run_dir: Path, data_dir: Path | None) -> None:
    """Exports a trained RUN below its own folder; `train` calls this where its backend cannot export."""
    _package(runs.open_run(run_dir), data_dir)


def _own_recipe(model: str | None, own: own_data.Stated) -> Recipe:
    images = own["images"]
    if images is None or not model or not re.fullmatch(contract.NAME_PATTERN, model):
        raise click.UsageError(
            "folder needs --images with a folder or an .npz file, and --name of lower-case letters, digits, _ and -"
        )
    data_set, data_options, content = own_data.read(images, own)
    for remark in content.remarks:
        click.echo(remark)
    click.echo(f"{len(content.labels)} classes: {', '.join(content.labels)}")
    train_images = len(content.splits.train.labels) - content.validation_images
    base = recipe.find("folder")
    return recipe.for_data(base, model, data_set, data_options, train_images, content.validation_images)


def _train(run: Run, data_dir: Path | None) -> None:
    from training import backend

    _fit(run, data_dir)
    try:
        recipe.check_servable(run.recipe)
    except recipe.NotServable as reason:
        click.echo(str(reason))
        return
    if backend.name() == "tensorflow":
        _package(run, data_dir)
    else:
        backend.run_on_tensorflow("package", str(run.folder), *(["--data-dir", str(data_dir)] if data_dir else []))


def _fit(run: Run, data_dir: Path | None) -> None:
    from training.train import train

    data_set = dataset.find(run.recipe.data_set, run.recipe.data_options)
    try:
        result = train(run, data_set, dataset.load(data_set, data_dir))
    except KeyboardInterrupt:
        raise click.ClickException("stopped; the same command goes on after the last finished epoch") from None
    click.echo(
        f"{run.recipe.name}, seed {run.seed}: test loss {result.test_loss:.4f}, accuracy {result.test_accuracy:.2%}"
    )


def _package(run: Run, data_dir: Path | None) -> None:
    from training import export

    data_set = dataset.find(run.recipe.data_set, run.recipe.data_options)
    folder = export.package(run, data_set, dataset.load(data_set, data_dir))
    for engine, facts in contract.read(folder).engines.items():
        click.echo(f"test accuracy {facts.accuracy:.2%} with {engine} ({facts.weights})")
    click.echo(f"exported {folder}")
