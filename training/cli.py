"""The commands of `python -m training`; what they do lives in the modules they call."""

import re
from collections.abc import Mapping
from pathlib import Path

import click

from service import manifest as contract
from service.errors import Fault
from training import atomic, dataset, recipe
from training import run as runs
from training.recipe import Recipe
from training.run import Run

# Keras takes seconds to import, so the modules that need it are imported by the commands that use them.

_FOLDER = click.Path(path_type=Path, file_okay=False)
_data_dir = click.option(
    "--data-dir",
    type=_FOLDER,
    help="Folder that holds the data set's files, such as mnist.npz. Without it: Keras' cache, else a download.",
)
_runs_dir = click.option(
    "--runs-dir", type=_FOLDER, default=Path("runs"), show_default=True, help="Where runs are kept."
)
_models_dir = click.option(
    "--models-dir", type=_FOLDER, default=Path("models"), show_default=True, help="Where versions are published."
)
_force = click.option("--force", is_flag=True, help="Publish even if the version in place is more accurate.")


class _Faults(click.Group):
    """Tells faults as one line, without a traceback."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except (Fault, atomic.InUse, contract.ManifestFault) as fault:
            raise click.ClickException(str(fault)) from fault


@click.group(cls=_Faults, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    r"""Trains small image classifiers and exports them for the service.

    A typical first session:

    \b
        python -m training list
        python -m training inspect mnist
        python -m training train mnist --publish
    """


@main.command(name="list")
def list_() -> None:
    """Lists the recipes and the data sets."""
    families = sorted({found.family for found in recipe.all_recipes().values()})
    for family in families:
        click.echo(f"recipes of the family {family}:" if family else "recipes (python -m training train NAME):")
        for found in recipe.all_recipes().values():
            if found.family == family:
                click.echo(f"  {found.name:24} {found.title}; {found.epochs} epochs on {found.data_set}")
    click.echo("data sets (python -m training inspect NAME):")
    for name, data_set in sorted(dataset.all_data_sets().items()):
        click.echo(f"  {name:24} {data_set.title}; {data_set.train_images} + {data_set.test_images} images")


@main.command()
@click.argument("name")
@_data_dir
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The grid's file.  [default: runs/NAME.png]"
)
def inspect(name: str, data_dir: Path | None, out: Path | None) -> None:
    """Shows what is in the data set NAME and writes a grid of 5×5 samples.

    Prints the label counts of each split and checks shapes, value ranges and that images and labels belong together.
    """
    from training import inspect as inspection

    data_set = dataset.find(name)
    splits = dataset.load(data_set, data_dir)
    for line in inspection.report(data_set, splits):
        click.echo(line)
    path = out or Path("runs") / f"{name}.png"
    inspection.write_grid(data_set, splits.train, path)
    click.echo(f"wrote {path}")


@main.command()
@click.argument("name", metavar="RECIPE")
@_data_dir
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of weights, order, augmentation."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Train for another number of epochs than the recipe says.")
@click.option("--publish", is_flag=True, help="Put the result into the models folder as the next version.")
@_force
@_runs_dir
@_models_dir
@click.option("--images", type=_FOLDER, help="folder: one directory of images a class, or these in train/ val/ test/.")
@click.option("--name", "model", help="folder: the name of the model, as in its address.")
@click.option("--size", type=click.IntRange(8, 256), default=32, show_default=True, help="folder: side in pixels.")
@click.option("--grey", is_flag=True, help="folder: one channel instead of three.")
@click.option(
    "--kind", default="photo", show_default=True, help="folder: how pictures are prepared; digit, garment, photo."
)
@click.option("--skip-unreadable", is_flag=True, help="folder: leave out files that cannot be read.")
def train(
    name: str,
    data_dir: Path | None,
    seed: int,
    epochs: int | None,
    publish: bool,
    force: bool,
    runs_dir: Path,
    models_dir: Path,
    images: Path | None,
    model: str | None,
    **options: object,
) -> None:
    """Trains RECIPE, or every recipe of a family, measures it once on the test split and exports a SavedModel.

    History, checkpoints and the export are kept below runs/. A run that was stopped, by Ctrl-C or worse, goes on after
    its last finished epoch when the same command is given again, and ends with the same weights.

    Your own images: train folder --images DIR --name NAME, with the options marked so.
    """
    recipes = recipe.find_all(name) if name != "folder" else [_folder_recipe(images, model, options)]
    for chosen in recipes:
        run = runs.create(runs_dir, recipe.with_epochs(chosen, epochs) if epochs else chosen, seed)
        _train(run, data_dir)
        if publish:
            _publish(run, models_dir, force)


@main.command()
@click.option("--recipe", "names", multiple=True, help="Only this recipe or family; may be given several times.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Seeds 1 to this, of each.")
@_data_dir
@_runs_dir
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


@main.command(hidden=True)
@click.argument("run_dir", metavar="RUN", type=_FOLDER)
@_data_dir
def package(run_dir: Path, data_dir: Path | None) -> None:
    """Exports a trained RUN below its own folder; `train` calls this where its backend cannot export."""
    _package(runs.open_run(run_dir), data_dir)


@main.command()
@click.argument("folder", metavar="RUN_OR_VERSION", type=_FOLDER)
@click.option("--engine", type=click.Choice(["litert", "tensorflow"]), help="Only this engine.  [default: all it has]")
@click.option("--robustness", type=click.IntRange(min=1), metavar="N", help="Also N test images, changed and strange.")
@_data_dir
def evaluate(folder: Path, engine: contract.EngineName | None, robustness: int | None, data_dir: Path | None) -> None:
    """Measures a run's export or a published version (models/mnist/1) on its test split, as the service answers.

    With --robustness 2000 also the first 2000 test images after noise, blur, rotation and other changes, and how well
    the model tells them from pictures of other data sets, inverted ones, noise and blank ones.
    """
    run = None if (folder / contract.FILE_NAME).exists() else runs.open_run(folder)
    version = run.export_dir if run else folder
    manifest = contract.read(version)
    if manifest.provenance is None:
        raise click.ClickException(f"{version} does not say which data set it was trained on")
    data_options = run.recipe.data_options if run else None
    splits = dataset.load(dataset.find(manifest.provenance.data_set, data_options), data_dir)
    from training import evaluate as evaluation

    for name in [engine] if engine else manifest.engines:
        measured = evaluation.measure(version, name, splits.test)
        click.echo(
            f"{manifest.name} {name:10} accuracy {measured.accuracy:.2%} of {len(splits.test.labels)} test images, "
            f"expected calibration error {measured.calibration_error:.2%}"
        )
    if robustness:
        from training import robustness as suite

        data_set = manifest.provenance.data_set
        test = dataset.Split(*(array[:robustness] for array in splits.test))
        for line in suite.report(version, test, lambda: suite.others_of(data_set, data_dir, robustness)):
            click.echo(line)


@main.command()
@click.argument("run_dirs", metavar="RUN...", type=_FOLDER, nargs=-1, required=True)
def compare(run_dirs: tuple[Path, ...]) -> None:
    """Prints runs side by side, finished or not, the most accurate first."""
    from training.compare import lines

    for line in lines([runs.open_run(folder) for folder in run_dirs]):
        click.echo(line)


@main.command()
@click.argument("run_dir", metavar="RUN", type=_FOLDER)
@_force
@_models_dir
def export(run_dir: Path, force: bool, models_dir: Path) -> None:
    """Publishes a finished RUN as the next version of its model, such as models/mnist/2.

    The version appears at once and whole. One that is less accurate than the one it would replace is refused.
    """
    _publish(runs.open_run(run_dir), models_dir, force)


def _folder_recipe(images: Path | None, model: str | None, options: Mapping[str, object]) -> Recipe:
    from training.datasets import folder

    if images is None or not model or not re.fullmatch(contract.NAME_PATTERN, model):
        raise click.UsageError("folder needs --images DIR and --name NAME, of lower-case letters, digits, _ and -")
    named = {"images": str(images.resolve()), **options}
    content = folder.read(**named)
    for remark in content.remarks:
        click.echo(remark)
    click.echo(f"{len(content.labels)} classes: {', '.join(content.labels)}")
    train_images = len(content.splits.train.labels) - content.validation_images
    return recipe.for_data(recipe.find("folder"), model, named, train_images, content.validation_images)


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


def _publish(run: Run, models_dir: Path, force: bool) -> None:
    from training.publish import publish

    click.echo(f"published {publish(run, models_dir, force=force)}")
