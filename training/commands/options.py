"""What several commands take."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click

from service.errors import did_you_mean
from service.images import kinds

FOLDER = click.Path(path_type=Path, file_okay=False)


class ExistingPath(click.Path):
    """A path that must exist; the error names the part that is missing, and the entry of its folder most like it."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """The path; fails if it does not exist."""
        path = Path(value)
        missing = next((part for part in (*reversed(path.parents), path) if not part.exists()), None)
        if missing:
            beside = [entry.name for entry in missing.parent.iterdir()] if missing.parent.is_dir() else []
            self.fail(f"{missing} does not exist{did_you_mean(missing.name, beside)}", param, ctx)
        return super().convert(value, param, ctx)


RUN = ExistingPath(path_type=Path, file_okay=False)
RUN_OR_MODEL = ExistingPath(path_type=Path)
data_dir = click.option(
    "--data-dir",
    type=FOLDER,
    help="Folder that holds the data set's files, such as mnist.npz. Without it: Keras' cache, else a download.",
)
runs_dir = click.option("--runs-dir", type=FOLDER, default=Path("runs"), show_default=True, help="Where runs are kept.")
models_dir = click.option(
    "--models-dir", type=FOLDER, default=Path("models"), show_default=True, help="Where versions are published."
)
force = click.option("--force", is_flag=True, help="Publish even if the version in place is more accurate.")

_OWN = (
    click.option(
        "--images",
        type=click.Path(path_type=Path),
        help="A folder with one directory of images a class, or these in train/ val/ test/, in any case; or an .npz "
        "file with x_train, y_train, x_test, y_test.",
    ),
    click.option("--size", type=click.IntRange(8, 256), help="Side in pixels; without it 32, or what the model takes."),
    click.option("--grey", is_flag=True, help="One channel instead of three."),
    click.option(
        "--kind",
        default="photo",
        show_default=True,
        help=f"How pictures are prepared; {', '.join(kinds.names())}.",
    ),
    click.option(
        "--labels", type=click.Path(path_type=Path, dir_okay=False), help="Class names of an .npz, one a line."
    ),
    click.option("--skip-unreadable", is_flag=True, help="Leave out files that cannot be read."),
)


def own_images(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what one's own images are."""
    for option in reversed(_OWN):
        command = option(command)
    return command


class Training(NamedTuple):
    """How a training is run, and what becomes of it."""

    seed: int
    epochs: int | None
    publish: bool
    force: bool
    runs_dir: Path
    models_dir: Path
    tensorboard: bool


_TRAINING = (
    click.option(
        "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of weights, order, augmentation."
    ),
    click.option(
        "--epochs", type=click.IntRange(min=1), help="Train for another number of epochs than the recipe says."
    ),
    click.option("--publish", is_flag=True, help="Put the result into the models folder as the next version."),
    force,
    runs_dir,
    models_dir,
    click.option("--tensorboard", is_flag=True, help="Also write curves for TensorBoard, below the run; an extra."),
)


def training(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a training, handed to the command as `how`."""

    @functools.wraps(command)
    def with_training(**given: Any) -> object:  # noqa: ANN401  whatever the command takes
        how = Training(**{name: given.pop(name) for name in Training._fields})
        return command(how=how, **given)

    decorated: Callable[..., Any] = with_training
    for option in reversed(_TRAINING):
        decorated = option(decorated)
    return decorated
