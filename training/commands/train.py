"""Commands that train."""

import re
from pathlib import Path
from typing import Unpack

import click

from service import manifest as contract
from training import atomic, dataset, own_data, recipe
from training import run as runs
from training.commands import options
from training.commands.export import measured_lines, publish_run
from training.recipe import Recipe
from training.run import Result, Run


@click.command()
@click.argument("name", metavar="RECIPE")
@options.data_dir
@options.training
def train(name: str, data_dir: Path | None, how: options.Training) -> None:
    """Trains RECIPE, or every recipe of a family, measures it once on the test split and exports a SavedModel.

    History, checkpoints and the export are kept below runs/. A run that was stopped, by Ctrl-C or worse, goes on after
    its last finished epoch when the same command is given again, and ends with the same weights.

    Your own images: see the command train-folder.
    """
    if name == "folder":
        raise click.UsageError("your own images have a command: train-folder --images DIR --name NAME")
    for chosen in recipe.find_all(name):
        _train_run(chosen, data_dir, how)


@click.command()
@click.option("--name", "model", required=True, help="The name of the model, as in its address.")
@options.own_images
@options.training
def train_folder(model: str, how: options.Training, **own: Unpack[own_data.Stated]) -> None:
    """Trains on your own images, measures once on a part that is set apart, and exports a SavedModel.

    A run that was stopped goes on after its last finished epoch when the same command is given again.
    """
    _train_run(_own_recipe(model, own), None, how)


@click.command()
@click.option("--recipe", "names", multiple=True, help="Only this recipe or family; may be given several times.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Seeds 1 to this, of each.")
@options.data_dir
@options.runs_dir
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("docs/reproduction.md"), show_default=True
)
@click.option("--again", is_flag=True, help="Also what the .json file beside --out has; unfinished runs go on.")
def reproduce(
    names: tuple[str, ...],
    seeds: int,
    data_dir: Path | None,
    runs_dir: Path,
    out: Path,
    again: bool,
) -> None:
    """Trains the textbook recipes and writes what they give beside what is reported of them.

    What each seed gave is kept in a .json file beside --out; what it holds already is not run again. The command can be
    stopped and given again. Nothing is published.
    """
    from training import reproduce as reproduction

    out.parent.mkdir(parents=True, exist_ok=True)
    ledger = reproduction.Ledger(out.with_suffix(".json"))
    if not again:
        ledger.check_is_there(out)
    recipes = [found for name in names or reproduction.FAMILIES for found in recipe.find_all(name)]
    wanted = [(found, seed) for seed in range(1, seeds + 1) for found in recipes]
    wanted = [(found, seed) for found, seed in wanted if again or not ledger.has(found, seed)]
    for found, seed in wanted:
        ledger.add(found, seed, _fit(runs.create(runs_dir, found, seed), data_dir))
        atomic.write_text(out, reproduction.document(ledger))
    atomic.write_text(out, reproduction.document(ledger))
    click.echo(f"wrote {out}")


@click.command(hidden=True)
@click.argument("run_dir", metavar="RUN", type=options.RUN)
@options.data_dir
def package(run_dir: Path, data_dir: Path | None) -> None:
    """Exports a trained RUN below its own folder; `train` calls this where its backend cannot export."""
    _package(runs.open_run(run_dir), data_dir)


def _own_recipe(model: str, own: own_data.Stated) -> Recipe:
    images = own["images"]
    if images is None or not re.fullmatch(contract.NAME_PATTERN, model):
        raise click.UsageError(
            "needed: --images with a folder or an .npz file, and --name of lower-case letters, digits, _ and -"
        )
    data_set, data_options, content = own_data.read(images, own)
    for sentence in (*content.layout, *content.remarks):
        click.echo(sentence)
    click.echo(f"{len(content.labels)} classes: {', '.join(content.labels)}")
    train_images = len(content.splits.train.labels) - content.validation_images
    click.echo(
        f"images: {train_images} to train, {content.validation_images} to validate, "
        f"{len(content.splits.test.labels)} to test"
    )
    base = recipe.find("folder")
    return recipe.for_data(base, model, data_set, data_options, train_images, content.validation_images)


def _train_run(chosen: Recipe, data_dir: Path | None, how: options.Training) -> None:
    """Trains, exports and, where that is asked for, publishes one recipe."""
    run = runs.create(how.runs_dir, recipe.with_epochs(chosen, how.epochs) if how.epochs else chosen, how.seed)
    _fit(run, data_dir, how.tensorboard)
    try:
        recipe.check_servable(run.recipe)
    except recipe.NotServable as reason:
        click.echo(str(reason))
    else:
        _export(run, data_dir)
    if how.publish:
        publish_run(run, how.models_dir, how.force)


def _export(run: Run, data_dir: Path | None) -> None:
    from training import backend

    if backend.name() == "tensorflow":
        _package(run, data_dir)
    else:
        backend.run_on_tensorflow("package", str(run.folder), *(["--data-dir", str(data_dir)] if data_dir else []))


def _fit(run: Run, data_dir: Path | None, tensorboard: bool = False) -> Result:
    from training.train import train

    data_set = dataset.find(run.recipe.data_set, run.recipe.data_options)
    try:
        result = train(run, data_set, dataset.load(data_set, data_dir), tensorboard=tensorboard)
    except KeyboardInterrupt:
        raise click.ClickException("stopped; the same command goes on after the last finished epoch") from None
    click.echo(
        f"{run.recipe.name}, seed {run.seed}: test loss {result.test_loss:.4f}, accuracy {result.test_accuracy:.2%}"
    )
    return result


def _package(run: Run, data_dir: Path | None) -> None:
    from training import export

    data_set = dataset.find(run.recipe.data_set, run.recipe.data_options)
    folder = export.package(run, data_set, dataset.load(data_set, data_dir))
    for line in measured_lines(contract.read(folder)):
        click.echo(line)
    click.echo(f"exported {folder}")
