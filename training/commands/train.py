"""Commands that train."""

import re
from collections.abc import Iterator, Sequence
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
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of weights, order, augmentation."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Train for another number of epochs than the recipe says.")
@click.option("--publish", is_flag=True, help="Put the result into the models folder as the next version.")
@options.force
@options.runs_dir
@options.models_dir
@click.option("--tensorboard", is_flag=True, help="Also write curves for TensorBoard, below the run; an extra.")
@click.option(
    "--on-device/--on-host",
    default=None,
    help="Where pictures lie and are changed: on a GPU of JAX by default, if they fit; else on the host.",
)
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
    tensorboard: bool,
    on_device: bool | None,
    model: str | None,
    **own: Unpack[own_data.Stated],
) -> None:
    """Trains RECIPE, or every recipe of a family, measures it once on the test split and exports a SavedModel.

    History, checkpoints and the export are kept below runs/. A run that was stopped, by Ctrl-C or worse, goes on after
    its last finished epoch when the same command is given again, and ends with the same weights.

    Your own images: train folder --images DIR --name NAME, with the options marked so.
    """
    if name != "folder" and (own["images"] or model):
        raise click.UsageError(f"--images and --name are of `train folder`; {name} has its own data set")
    recipes = recipe.find_all(name) if name != "folder" else [_own_recipe(model, own)]
    from training import backend, spread

    if on_device and backend.name() != "jax":
        raise click.UsageError(f"--on-device needs KERAS_BACKEND=jax, not {backend.name()}")
    for chosen in recipes:
        run = runs.create(runs_dir, recipe.with_epochs(chosen, epochs) if epochs else chosen, seed)
        _train(run, data_dir, tensorboard, on_device)
        if publish and spread.leads():
            publish_run(run, models_dir, force)


@click.command()
@click.option("--recipe", "names", multiple=True, help="Only this recipe or family; may be given several times.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Seeds 1 to this, of each.")
@options.data_dir
@options.runs_dir
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("docs/reproduction.md"), show_default=True
)
@click.option("--again", is_flag=True, help="Also what the .json file beside --out has; unfinished runs go on.")
@click.option("--ray", is_flag=True, help="Many runs at once, one a core, on a Ray of this machine; an extra.")
@click.option("--ray-address", help="The same on a cluster, as ray.init takes it; runs and data on shared storage.")
def reproduce(
    names: tuple[str, ...],
    seeds: int,
    data_dir: Path | None,
    runs_dir: Path,
    out: Path,
    again: bool,
    ray: bool,
    ray_address: str | None,
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
    for found, seed, result in _all_run(wanted, runs_dir, data_dir, ray or bool(ray_address), ray_address):
        ledger.add(found, seed, result)
        atomic.write_text(out, reproduction.document(ledger))
    atomic.write_text(out, reproduction.document(ledger))
    click.echo(f"wrote {out}")


def _all_run(
    wanted: Sequence[tuple[Recipe, int]], runs_dir: Path, data_dir: Path | None, ray: bool, address: str | None
) -> Iterator[tuple[Recipe, int, Result]]:
    """Each recipe with its seed and what it gave: here one after the other, or on Ray."""
    if ray:
        from training import ray_jobs

        for done in ray_jobs.run_all(wanted, runs_dir, data_dir, address):
            click.echo(f"{done.recipe.name}, seed {done.seed}: test accuracy {done.result.test_accuracy:.2%}")
            yield done
        return
    for found, seed in wanted:
        yield found, seed, _fit(runs.create(runs_dir, found, seed), data_dir)


@click.command(hidden=True)
@click.argument("run_dir", metavar="RUN", type=options.RUN)
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


def _train(run: Run, data_dir: Path | None, tensorboard: bool, on_device: bool | None) -> None:
    from training import backend, spread

    _fit(run, data_dir, tensorboard, on_device)
    if not spread.leads():
        click.echo("the first process of the job writes and exports what came of it")
        return
    try:
        recipe.check_servable(run.recipe)
    except recipe.NotServable as reason:
        click.echo(str(reason))
        return
    if backend.name() == "tensorflow":
        _package(run, data_dir)
    else:
        backend.run_on_tensorflow("package", str(run.folder), *(["--data-dir", str(data_dir)] if data_dir else []))


def _fit(run: Run, data_dir: Path | None, tensorboard: bool = False, on_device: bool | None = None) -> Result:
    from training.train import train

    data_set = dataset.find(run.recipe.data_set, run.recipe.data_options)
    try:
        result = train(run, data_set, dataset.load(data_set, data_dir), tensorboard=tensorboard, on_device=on_device)
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
