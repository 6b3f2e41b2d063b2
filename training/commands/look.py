"""Commands that change nothing: what there is, and what runs and versions give."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from service import manifest as contract
from training import dataset, recipe
from training import run as runs
from training.commands import options
from training.run import Run

_COMPARED = ("recipe", "seed", "epochs", "parameters", "train", "test", "test loss", "minutes")


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

    _echo(inspection.report(data_set, splits))
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
    the model tells them from inverted ones, noise, blank ones and, for a public data set, pictures of the others.

    With --wild DIR on any pictures of your own, instead of the test split: accuracy by class and by folder, and a sheet
    of the mistakes with what the model saw of each. With --strangers DIR on pictures of anything else: how many are
    told to be not in distribution.
    """
    if folder and model:
        raise click.UsageError("give a run or a version, or --model, not both")
    if wild or strangers:
        from training import publish

        versions = [_version(folder)] if folder else publish.latest(models_dir, model)
        if wild:
            _evaluate_real_images(versions, wild, engine, out)
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
    test = dataset.load(dataset.find(manifest.provenance.data_set, data_options), data_dir).test
    from training import evaluate as evaluation

    through = [engine] if engine else list(manifest.engines)
    for name in through:
        measured = evaluation.measure(version, name, test)
        click.echo(
            f"{manifest.name} {name:10} accuracy {measured.accuracy:.2%} of {len(test.labels)} test images, "
            f"expected calibration error {measured.calibration_error:.2%}"
        )
    if robustness:
        from training import robustness as suite

        others = suite.other_images(manifest.provenance.data_set, data_dir, robustness)
        first = dataset.Split(*(array[:robustness] for array in test))
        _echo(suite.report(version, through[0], first, others))


def _evaluate_real_images(versions: Sequence[Path], root: Path, engine: contract.EngineName | None, out: Path) -> None:
    from training import real_images

    if not root.is_dir():
        raise click.ClickException(f"{root} is no folder")
    pictures = {version: real_images.find(root, contract.read(version).labels) for version in versions}
    if not any(pictures.values()):
        names = ", ".join(dict.fromkeys(name for version in versions for name in contract.read(version).labels))
        raise click.ClickException(f"{root} has no pictures in directories named as classes; these are: {names}")
    for version in filter(pictures.get, pictures):
        model = real_images.load(version, engine)
        manifest = model.manifest
        answers = list(real_images.answer(model, pictures[version]))
        click.echo(f"{manifest.name} {manifest.version}, {model.engine}, on pictures of {root}")
        _echo(real_images.report(answers, manifest.labels))
        sheet = out / f"wild-{manifest.name}-{manifest.version}.png"
        count = real_images.write_mistakes(answers, manifest.labels, sheet)
        click.echo(f"wrote {sheet}: {count} mistakes, what was sent and what the model saw")


def _evaluate_strangers(versions: Sequence[Path], root: Path, engine: contract.EngineName | None) -> None:
    from training import real_images

    if not (pictures := real_images.find_all(root)):
        raise click.ClickException(f"{root} holds no files")
    for version in versions:
        model = real_images.load(version, engine)
        click.echo(f"{model.manifest.name} {model.manifest.version}, {model.engine}, on strangers of {root}")
        _echo(real_images.report_flagged(list(real_images.answer(model, pictures))))


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


@click.command()
@click.argument("run_dirs", metavar="RUN...", type=options.RUN, nargs=-1, required=True)
def compare(run_dirs: tuple[Path, ...]) -> None:
    """Prints runs side by side, finished or not, the most accurate first."""
    found = [runs.open_run(folder) for folder in run_dirs]
    ordered = sorted(found, key=lambda run: result.test_accuracy if (result := run.result()) else -1.0, reverse=True)
    rows = [_COMPARED, *map(_compared, ordered)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    _echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _compared(run: Run) -> tuple[str, ...]:
    """A row of `compare`; what an unfinished run has not got is a dash."""
    checkpoint, result = run.load(), run.result()
    done = len(checkpoint.history) if checkpoint else 0
    named = (run.recipe.name, str(run.seed), f"{done}/{run.recipe.epochs}")
    if result is None:
        return (*named, *"–––––")
    accuracies = f"{result.train_accuracy:.2%}", f"{result.test_accuracy:.2%}"
    return (*named, f"{result.parameters:,}", *accuracies, f"{result.test_loss:.4f}", f"{result.seconds / 60:.1f}")
