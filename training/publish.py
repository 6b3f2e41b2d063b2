"""The models folder: what is in it, and how a version gets there, atomically and never for the worse by accident."""

import shutil
from pathlib import Path
from typing import NamedTuple

from scipy import stats

from service import manifest as contract
from service.errors import Fault, did_you_mean
from service.manifest import EngineFacts, EngineName, Manifest, ManifestFault
from training import atomic
from training.recipe import check_servable
from training.run import Run

# A lower accuracy is refused where two equally good models would differ so much less often than this.
_SIGNIFICANCE = 0.05
# Of so many held-out images any lower accuracy is refused.
_BENCHMARK_IMAGES = 1000


class NotPublished(Fault):
    """A version was not put into the models folder; the sentence says why."""

    code = "not_published"


class NoSuchModel(Fault):
    """No published model is called so; the sentence says which there are."""

    code = "no_such_model"


class Published(NamedTuple):
    """Where a version lies, and a sentence where it could not be compared with the one before."""

    folder: Path
    note: str | None = None


def latest(models_dir: Path, name: str | None = None) -> list[Path]:
    """The latest version folder of every model, or of the one of that name; raises NoSuchModel."""
    numbered = (path for path in models_dir.glob("*/*/") if path.name.isdecimal() and name in (None, path.parent.name))
    versions = [path for path in numbered if (path / contract.FILE_NAME).exists()]
    newest = {path.parent.name: path for path in sorted(versions, key=lambda path: int(path.name))}
    if not newest:
        there = sorted({path.parent.parent.name for path in models_dir.glob(f"*/*/{contract.FILE_NAME}")})
        wanted = "model" if name is None else f"model called {name!r}{did_you_mean(name, there)}"
        raise NoSuchModel(f"{models_dir} holds no {wanted}; there are: {', '.join(there) or 'none'}")
    return [newest[model] for model in sorted(newest)]


def publish(run: Run, models_dir: Path, *, force: bool = False) -> Published:
    """Publishes a run's version folder; raises NotServable, or NotPublished if the run is not finished."""
    check_servable(run.recipe)
    if not run.export_dir.exists():
        raise NotPublished(f"{run.folder} is not finished; the command that began it goes on with it")
    return publish_version(run.export_dir, models_dir, force=force)


def publish_version(version: Path, models_dir: Path, *, force: bool = False) -> Published:
    """Copies a version folder to `models/<name>/<next version>/` in one step; the same export only once.

    Raises NotPublished if it is less accurate on the same held-out images than the version it would replace, by more
    than chance explains, or was not measured where that one was, and `force` is not set.
    """
    manifest = contract.read(version)
    home = models_dir / manifest.name
    with atomic.exclusive(home):
        number = max((int(path.name) for path in home.iterdir() if path.name.isdecimal()), default=0)
        if number and _same_files(manifest, home / str(number)):
            return Published(home / str(number))
        note = _compare(manifest, home / str(number)) if number and not force else None
        with atomic.new_folder(home / str(number + 1)) as folder:
            shutil.copytree(version, folder, dirs_exist_ok=True)
            contract.write(folder, manifest.model_copy(update={"version": number + 1}))
    return Published(home / str(number + 1), note)


def _same_files(new: Manifest, latest: Path) -> bool:
    """Whether the latest version is this very export, as when a command is given twice."""
    try:
        return contract.read(latest).files == new.files
    except ManifestFault:
        return False


def _compare(new: Manifest, latest: Path) -> str | None:
    """A sentence if the two cannot be compared; raises NotPublished if the new version is worse or was not measured."""
    try:
        old = contract.read(latest)
    except ManifestFault as fault:
        raise NotPublished(f"the version to replace cannot be read, so not compared: {fault}; see --force") from fault
    measured: dict[EngineName, EngineFacts] = {n: one for n, one in old.engines.items() if one.accuracy is not None}
    for name, facts in measured.items():
        if name not in new.engines or new.engines[name].accuracy is None:
            raise NotPublished(
                f"accuracy with {name} was not measured, and is {facts.accuracy:.2%} of {latest}, which it would "
                "replace; give it images to be measured on, or --force"
            )
    if measured and (new.validation_digest is None or new.validation_digest != old.validation_digest):
        return f"cannot compare it with {latest}, which was not measured on the same held-out images"
    for name, facts in measured.items():
        _refuse_if_worse(name, new.engines[name], facts, latest)
    return None


def _refuse_if_worse(name: EngineName, new: EngineFacts, old: EngineFacts, latest: Path) -> None:
    """Both were measured on the same held-out images."""
    accuracy, before, images = new.validation_accuracy, old.validation_accuracy, old.validation_images
    if accuracy is None or before is None or images is None or accuracy >= before:
        return
    right, right_before = round(accuracy * images), round(before * images)
    table = [[right, images - right], [right_before, images - right_before]]
    if images >= _BENCHMARK_IMAGES or stats.fisher_exact(table, alternative="less").pvalue < _SIGNIFICANCE:
        raise NotPublished(
            f"accuracy on the held-out images with {name}: {accuracy:.2%}, and {before:.2%} of {latest}, which it "
            f"would replace ({right} and {right_before} of the same {images} images right); --force publishes it"
        )
