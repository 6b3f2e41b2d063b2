"""Commands that change nothing: what there is, and what runs and versions give."""

from pathlib import Path

import click

from service import manifest as contract
from training import dataset, recipe
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
    """
    from training import inspect as inspection

    data_set = dataset.find(name)
    splits = dataset.load(data_set, data_dir)
    for line in inspection.report(data_set, splits):
        click.echo(line)
    path = out or Path("runs") / f"{name}.png"
    inspection.write_grid(data_set, splits.train, path)
    click.echo(f"wrote {path}")


@click.command()
@click.argument("folder", metavar="RUN_OR_VERSION", type=options.FOLDER)
@click.option("--engine", type=click.Choice(["litert", "tensorflow"]), help="Only this engine.  [default: all it has]")
@click.option("--robustness", type=click.IntRange(min=1), metavar="N", help="Also N test images, changed and strange.")
@options.data_dir
def evaluate(folder: Path, engine: contract.EngineName | None, robustness: int | None, data_dir: Path | None) -> None:
    """Measures a run's export or a published version (models/mnist/2) on its test split, as the service answers.

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


@click.command()
@click.argument("run_dirs", metavar="RUN...", type=options.FOLDER, nargs=-1, required=True)
def compare(run_dirs: tuple[Path, ...]) -> None:
    """Prints runs side by side, finished or not, the most accurate first."""
    from training.compare import lines

    for line in lines([runs.open_run(folder) for folder in run_dirs]):
        click.echo(line)
