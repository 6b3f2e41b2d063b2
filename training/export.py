"""From a finished run to a version folder below it."""

from pathlib import Path

import keras
import numpy as np

from service.manifest import Provenance
from training import atomic, backend, dataset, fit, fold, model, saved_model, version_folder
from training.augmentation import Augment
from training.calibrate import Calibration, calibrate
from training.dataset import DataSet, Split, Splits
from training.recipe import Recipe, check_servable
from training.run import Checkpoint, Run, RunFault
from training.version_folder import Export

_AUGMENTED_AT_ONCE = 500


def package(run: Run, data_set: DataSet, splits: Splits) -> Path:
    """Exports a finished run as a version folder below its own, measured once on the test split.

    A folder already there is left alone. A recipe that holds no images out is exported without calibration. Raises
    RunFault if the run is not finished, NotServable for a recipe without probabilities.
    """
    check_servable(run.recipe)
    if run.export_dir.exists():
        return run.export_dir
    train, held_out = splits.hold_out(run.recipe.validation_images)
    trained = _serving_model(run, data_set, train)
    described = Export(
        name=run.recipe.name,
        description=_description(run.recipe, data_set),
        data_set=data_set,
        held_out=held_out,
        test=splits.test,
        others=train,
        calibration=_calibration(run, trained, held_out),
        provenance=_provenance(run, data_set, splits),
        recipe=run.recipe,
        network=trained,
        history=_checkpoint(run).history,
    )
    with atomic.exclusive(run.export_dir.parent), atomic.new_folder(run.export_dir) as folder:
        version_folder.write(folder, saved_model.of_model(trained), described)
    return run.export_dir


def _serving_model(run: Run, data_set: DataSet, train: Split) -> keras.Model:
    trained = model.build(run.recipe, data_set, train.images, "float32")
    fit.load_weights(trained, _checkpoint(run))
    simple = fold.folded(trained)
    fold.on_int8_grid(simple)
    return simple


def _calibration(run: Run, trained: keras.Model, validation: Split) -> Calibration | None:
    """From the held-out images, as they are and as training changes them; None if there are none."""
    if not len(validation.labels):
        return None
    augmentation, images = Augment([run.recipe.augmentation], run.seed), validation.images
    parts = (images[start : start + _AUGMENTED_AT_ONCE] for start in range(0, len(images), _AUGMENTED_AT_ONCE))
    augmented = [keras.ops.convert_to_numpy(augmentation(part, training=True)) for part in parts]
    answers = [fit.predict(trained, one) for one in (images, np.concatenate(augmented))]
    return calibrate(answers[0], validation.labels, answers[1])


def _checkpoint(run: Run) -> Checkpoint:
    checkpoint = run.load()
    done = len(checkpoint.history) if checkpoint else 0
    if checkpoint is None or done < run.recipe.epochs:
        raise RunFault(f"{run.folder} has finished {done} of {run.recipe.epochs} epochs; train it to the end first")
    return checkpoint


def _description(recipe: Recipe, data_set: DataSet) -> str:
    held_out = (
        f"The last {recipe.validation_images} training images were held out to choose and calibrate."
        if recipe.validation_images
        else "It was trained on the whole training split."
    )
    title = f"{recipe.title[0].upper()}{recipe.title[1:]}"
    return f"{title}. {recipe.epochs} epochs on {data_set.title}. {held_out}"


def _provenance(run: Run, data_set: DataSet, splits: Splits) -> Provenance:
    return Provenance(
        recipe=run.recipe.name,
        seed=run.seed,
        epochs=run.recipe.epochs,
        data_set=data_set.name,
        data_digest=dataset.digest(splits),
        train_images=len(splits.train.labels) - run.recipe.validation_images,
        validation_images=run.recipe.validation_images,
        test_images=len(splits.test.labels),
        git_commit=backend.git_commit(),
        versions=backend.versions(),
    )
