"""From a run's version folder into `models/`, atomically, and never for the worse by accident."""

import shutil
from pathlib import Path

from service import manifest as contract
from service.errors import Fault
from service.manifest import EngineName, Manifest, ManifestFault
from training import atomic
from training.proportions import p_value_of_fewer
from training.recipe import check_servable
from training.run import Run

# A lower accuracy is refused where two equally good models would differ so much less often than this.
_SIGNIFICANCE = 0.05
# On the very same test images, if they are this many, any lower accuracy is refused: such a split is a benchmark.
_BENCHMARK_IMAGES = 1000


class NotPublished(Fault):
    """A version was not put into the models folder; the sentence says why."""

    code = "not_published"


def publish(run: Run, models_dir: Path, *, force: bool = False) -> Path:
    """Publishes a run's version folder; raises NotServable, or NotPublished if the run is not finished."""
    check_servable(run.recipe)
    if not run.export_dir.exists():
        raise NotPublished(
            f"{run.folder} is not finished; `python -m training train {run.recipe.name}` goes on with it"
        )
    return publish_version(run.export_dir, models_dir, force=force)


def publish_version(version: Path, models_dir: Path, *, force: bool = False) -> Path:
    """Copies a version folder to `models/<name>/<next version>/` in one step; the same export only once.

    Raises NotPublished if it is less accurate than the version it would replace, by more than chance explains, and
    `force` is not set.
    """
    manifest = contract.read(version)
    home = models_dir / manifest.name
    with atomic.exclusive(home):
        latest = max((int(path.name) for path in home.iterdir() if path.name.isdecimal()), default=0)
        if latest and _same_files(manifest, home / str(latest)):
            return home / str(latest)
        if latest and not force:
            _refuse_if_worse(manifest, home / str(latest))
        with atomic.new_folder(home / str(latest + 1)) as folder:
            shutil.copytree(version, folder, dirs_exist_ok=True)
            contract.write(folder, manifest.model_copy(update={"version": latest + 1}))
    return home / str(latest + 1)


def _same_files(new: Manifest, latest: Path) -> bool:
    """Whether the latest version is this very export, as when a command is given twice."""
    try:
        return contract.read(latest).files == new.files
    except ManifestFault:
        return False


def _refuse_if_worse(new: Manifest, latest: Path) -> None:
    try:
        old = contract.read(latest)
    except ManifestFault as fault:
        raise NotPublished(f"the version to replace cannot be read, so not compared: {fault}; see --force") from fault
    for engine, facts in old.engines.items():
        if facts.accuracy is None:
            continue  # nothing was ever measured that could become worse
        if engine not in new.engines or new.engines[engine].accuracy is None:
            raise NotPublished(
                f"accuracy with {engine} was not measured, and is {facts.accuracy:.2%} of {latest}, which it would "
                "replace; give it images to be measured on, or --force"
            )
        if reason := _loss(new, old, engine):
            found = new.engines[engine].accuracy
            raise NotPublished(
                f"accuracy on the test split with {engine}: {found:.2%}, and {facts.accuracy:.2%} of {latest}, which "
                f"it would replace ({reason}); --force publishes it all the same"
            )


def _loss(new: Manifest, old: Manifest, engine: EngineName) -> str | None:
    """With what certainty the new version is less accurate, or None where it is not or chance explains it."""
    accuracy, old_accuracy = new.engines[engine].accuracy or 0.0, old.engines[engine].accuracy or 0.0
    images, old_images = contract.measured_images(new, engine), contract.measured_images(old, engine)
    if accuracy >= old_accuracy:
        return None
    if images is None or old_images is None:
        return "on how many images is not stated, so it cannot be told from chance"
    right, old_right = round(accuracy * images), round(old_accuracy * old_images)
    counts = f"{right} of {images} images right, and {old_right} of {old_images}"
    if images >= _BENCHMARK_IMAGES and _same_data(new, old):
        return f"{counts}, which are the same images"
    if p_value_of_fewer(right, images, old_right, old_images) < _SIGNIFICANCE:
        return f"{counts}: more than chance explains"
    return None


def _same_data(new: Manifest, old: Manifest) -> bool:
    """Whether both were measured on the same images; what trained elsewhere does not say."""
    one, other = new.provenance, old.provenance
    return bool(one and other and one.data_digest == other.data_digest)
