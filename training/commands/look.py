"""Commands that change nothing: what there is, and what runs and versions give."""

from collections.abc import Sequence
from pathlib import Path

import click

from service import manifest as contract
from training import dataset, published, recipe
from training import run as runs
from training.commands import options


@click.command(name="list")
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


@click.command()
@click.argument("name")
@options.data_dir
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The grid's file.  [default: runs/NAME.png]"
)
def inspect(name: str, data_dir: Path | None, out: Path | None) -> None:
    """Shows what is in the data set NAME and writes a grid of 5×5 samples.

    Prints the label counts of each split and checks shapes, value ranges and that images and labels belong together.
    Where a recipe has the same name, a second grid shows the samples as its augmentation changes them.
    """
    data_set = dataset.find(name)
    splits = dataset.load(data_set, data_dir)
    from training import inspect as inspection

    for line in inspection.report(data_set, splits):
        click.echo(line)
    path = out or Path("runs") / f"{name}.png"
    inspection.write_samples(data_set, splits.train, path)
    click.echo(f"wrote {path}")
    if found := recipe.all_recipes().get(name):
        augmented = path.with_stem(f"{path.stem}-augmented")
        inspection.write_augmented(data_set, splits.train, found, augmented)
        click.echo(f"wrote {augmented}")


@click.command()
@click.argument("folder", metavar="[RUN_OR_VERSION]", type=options.RUN, required=False)
@click.option("--engine", type=click.Choice(["litert", "tensorflow"]), help="Only this engine.  [default: all it has]")
@click.option("--robustness", type=click.IntRange(min=1), metavar="N", help="Also N test images, changed and strange.")
@click.option("--wild", type=options.FOLDER, metavar="DIR", help="Pictures in directories named as the classes.")
@click.option("--strangers", type=options.FOLDER, metavar="DIR", help="Pictures of things that no class is for.")
@click.option("--model", metavar="NAME", help="wild, strangers: only this model.  [default: all]")
@click.option("--out", type=options.FOLDER, default=Path("runs"), show_default=True, help="wild: where sheets go.")
@options.models_dir
@options.data_dir
def evaluate(
    folder: Path | None,
    engine: contract.EngineName | None,
    robustness: int | None,
    wild: Path | None,
    strangers: Path | None,
    model: str | None,
    out: Path,
    models_dir: Path,
    data_dir: Path | None,
) -> None:
    """Measures a run's export or a published version (models/mnist/2) on its test split, as the service answers.

    With --robustness 2000 also the first 2000 test images after noise, blur, rotation and other changes, and how well
    the model tells them from pictures of other data sets, inverted ones, noise and blank ones.

    With --wild DIR on any pictures of your own, instead of the test split: accuracy by class and by folder, and a sheet
    of the mistakes with what the model saw of each. With --strangers DIR on pictures of anything else: how many are
    told to be not in distribution.
    """
    if folder and model:
        raise click.UsageError("give a run or a version, or --model, not both")
    if wild or strangers:
        versions = [_version(folder)] if folder else published.latest(models_dir, model)
        if wild:
            _evaluate_wild(versions, wild, engine, out)
        if strangers:
            _evaluate_strangers(versions, strangers, engine)
    elif folder:
        _evaluate_split(folder, engine, robustness, data_dir)
    else:
        raise click.UsageError("name a run or a version, or pictures with --wild DIR")


def _version(folder: Path) -> Path:
    return folder if (folder / contract.FILE_NAME).exists() else runs.open_run(folder).export_dir


def _evaluate_split(
    folder: Path, engine: contract.EngineName | None, robustness: int | None, data_dir: Path | None
) -> None:
    version = _version(folder)
    manifest = contract.read(version)
    if manifest.provenance is None:
        raise click.ClickException(f"{version} does not say which data set it was trained on")
    data_options = None if version == folder else runs.open_run(folder).recipe.data_options
    splits = dataset.load(dataset.find(manifest.provenance.data_set, data_options), data_dir)
    from training import evaluate as evaluation

    through = [engine] if engine else list(manifest.engines)
    for name in through:
        measured = evaluation.measure(version, name, splits.test)
        click.echo(
            f"{manifest.name} {name:10} accuracy {measured.accuracy:.2%} of {len(splits.test.labels)} test images, "
            f"expected calibration error {measured.calibration_error:.2%}"
        )
    if robustness:
        from training import robustness as suite

        data_set = manifest.provenance.data_set
        test = dataset.Split(*(array[:robustness] for array in splits.test))
        for line in suite.report(version, through[0], test, lambda: suite.others_of(data_set, data_dir, robustness)):
            click.echo(line)


def _evaluate_wild(versions: Sequence[Path], root: Path, engine: contract.EngineName | None, out: Path) -> None:
    from training import contact_sheet
    from training import wild as in_the_wild

    if not root.is_dir():
        raise click.ClickException(f"{root} is no folder")
    pictures = {version: in_the_wild.find(root, contract.read(version).labels) for version in versions}
    if not any(pictures.values()):
        names = ", ".join(dict.fromkeys(name for version in versions for name in contract.read(version).labels))
        raise click.ClickException(f"{root} has no pictures in directories named as classes; these are: {names}")
    for version, found in pictures.items():
        if found:
            model = in_the_wild.load(version, engine)
            manifest = model.manifest
            judged = list(in_the_wild.judge(model, found))
            click.echo(f"{manifest.name} {manifest.version}, {model.engine}, on pictures of {root}")
            for line in in_the_wild.report(judged, manifest.labels):
                click.echo(line)
            sheet = out / f"wild-{manifest.name}-{manifest.version}.png"
            count = contact_sheet.write(judged, manifest.labels, sheet)
            click.echo(f"wrote {sheet}: {count} mistakes, what was sent and what the model saw")


def _evaluate_strangers(versions: Sequence[Path], root: Path, engine: contract.EngineName | None) -> None:
    from training import wild as in_the_wild

    if not (pictures := in_the_wild.find_all(root)):
        raise click.ClickException(f"{root} holds no files")
    for version in versions:
        model = in_the_wild.load(version, engine)
        click.echo(f"{model.manifest.name} {model.manifest.version}, {model.engine}, on strangers of {root}")
        for line in in_the_wild.report_strangers(list(in_the_wild.judge(model, pictures))):
            click.echo(line)


@click.command()
@click.argument("run_dirs", metavar="RUN...", type=options.RUN, nargs=-1, required=True)
def compare(run_dirs: tuple[Path, ...]) -> None:
    """Prints runs side by side, finished or not, the most accurate first."""
    found = [runs.open_run(folder) for folder in run_dirs]
    from training.compare import lines

    for line in lines(found):
        click.echo(line)
