"""From a finished run to a version folder below it."""

import math
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from service import manifest as contract
from service.images import drawing, kinds
from service.images.decode import Picture
from service.inference import classifier
from service.manifest import EngineFacts, EngineName, Golden, Manifest, Provenance
from training import atomic, backend, calibrate, card, cost, dataset, evaluate, fit, fold, model, report, saved_model
from training.augment import augment
from training.calibrate import MIN_CALIBRATION_IMAGES, Calibration, Scaling
from training.dataset import DataFault, DataSet, Split, Splits, UInt8
from training.evaluate import Measured
from training.recipe import Recipe, check_servable
from training.run import Checkpoint, Run, RunFault
from training.saved_model import Graph, Weights

# An int8 file must agree with the SavedModel this well, or float32 ships.
_MIN_AGREEMENT, _MAX_ACCURACY_LOST = 0.999, 0.001
# Other CPUs round differently in the last digits; a tolerance below this would be about them.
_MIN_TOLERANCE = 1e-3
# The test split does not hold the worst case, so the largest difference found there is widened by this factor.
_TOLERANCE_MARGIN = 1.5
# Of the training images: where fewer look like drawings, the model does not know drawings.
_FEW_DRAWINGS, _LOOKED_AT = 0.02, 2000
# Images to compare LiteRT's float32 file on, where too few are held out.
_COMPARED = 1000

BOTH: tuple[EngineName, ...] = ("litert", "tensorflow")


@dataclass(frozen=True, kw_only=True)
class Export:
    """What is exported, beside its graph, and on which images it is judged.

    `held_out` chooses and calibrates, `test` measures and decides nothing, `others` are of the same kind and may have
    been trained on. What is not known of a model trained elsewhere is None.
    """

    name: str
    description: str
    data_set: DataSet
    held_out: Split
    test: Split
    others: Split
    calibration: Calibration | None
    provenance: Provenance | None = None
    recipe: Recipe | None = None
    network: keras.Model | None = None
    history: Sequence[Mapping[str, float]] = ()


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
    export = Export(
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
        write_version(folder, saved_model.of_model(trained), export)
    return run.export_dir


def write_version(folder: Path, graph: Graph, export: Export, engines: Sequence[EngineName] = BOTH) -> None:
    """Fills a version folder: SavedModel, LiteRT file, golden pictures, report, card, manifest.

    Raises RunFault if LiteRT does not answer as the SavedModel does, DataFault without any golden picture.
    """
    scaling = export.calibration.scaling if export.calibration else Scaling()
    saved_model.write(graph, scaling, folder)
    weights = add_litert(folder, export.held_out, export.others) if "litert" in engines else "float32"
    measured = {name: evaluate.measure(folder, name, export.test) for name in engines}
    seen = export.others if export.recipe else None
    costs = cost.measure(export.network, folder, engines) if export.network else None
    labels = export.data_set.labels
    found = report.write(folder, labels, export.test, measured, scaling, seen, export.history, costs)
    facts = {name: _facts(folder, name, export.held_out, measured, weights) for name in engines}
    manifest = describe(
        export.name,
        export.data_set,
        facts,
        write_golden(folder, export.data_set, export.test, measured),
        export.calibration,
        provenance=export.provenance,
        validation_digest=dataset.digest([export.held_out]) if len(export.held_out.labels) else None,
        expects_drawings=has_drawings(export.others.images),
    )
    card.write(folder, manifest, export.data_set, export.description, export.recipe, found)
    contract.write(folder, manifest)
    check_golden(folder)


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
    unmirrored = np.zeros(len(validation.labels), bool)
    changed = augment(validation.images, run.recipe.augmentation, unmirrored, np.random.default_rng(run.seed))
    answers = [fit.predict(trained, Split(images, validation.labels)) for images in (validation.images, changed)]
    return calibrate.calibrate(answers[0], validation.labels, answers[1])


def _checkpoint(run: Run) -> Checkpoint:
    checkpoint = run.load()
    done = len(checkpoint.history) if checkpoint else 0
    if checkpoint is None or done < run.recipe.epochs:
        raise RunFault(f"{run.folder} has finished {done} of {run.recipe.epochs} epochs; train it to the end first")
    return checkpoint


def add_litert(folder: Path, held_out: Split, others: Split) -> Weights:
    """Adds `model.tflite`: with int8 weights if that answers the held-out images as the SavedModel does, else float32.

    Fewer held-out images than MIN_CALIBRATION_IMAGES cannot show what int8 costs: float32 is taken, and compared on
    images that may have been trained on. Raises RunFault if even float32 does not agree.
    """
    enough = len(held_out.labels) >= MIN_CALIBRATION_IMAGES
    seen = held_out if enough else Split(*(array[:_COMPARED] for array in others))
    truth = evaluate.measure(folder, "tensorflow", seen)
    wanted: tuple[Weights, ...] = ("int8", "float32") if enough else ("float32",)
    for weights in wanted:
        (folder / contract.LITERT_FILE).write_bytes(saved_model.convert(folder, weights))
        if _as_good(evaluate.measure(folder, "litert", seen), truth):
            return weights
    raise RunFault(f"{folder}: even the float32 LiteRT file does not agree with the SavedModel")


def _as_good(converted: Measured, truth: Measured) -> bool:
    agreed = evaluate.agreement(converted.output, truth.output) >= _MIN_AGREEMENT
    return agreed and abs(converted.accuracy - truth.accuracy) <= _MAX_ACCURACY_LOST


def _facts(
    folder: Path, name: EngineName, held_out: Split, measured: Mapping[EngineName, Measured], weights: Weights
) -> EngineFacts:
    """What the manifest states of an engine; `measured` is of the test split."""
    output, truth = measured[name].output, measured["tensorflow"].output
    difference = float(np.abs(output.probabilities - truth.probabilities).max())
    images = len(held_out.labels)
    return EngineFacts(
        tolerance=max(_MIN_TOLERANCE, math.ceil(difference * _TOLERANCE_MARGIN * 1000) / 1000),
        accuracy=measured[name].accuracy,
        agreement=evaluate.agreement(output, truth),
        weights=weights if name == "litert" else "float32",
        test_images=len(output.probabilities),
        validation_accuracy=evaluate.measure(folder, name, held_out).accuracy if images else None,
        validation_images=images or None,
    )


def describe(
    name: str,
    data_set: DataSet,
    engines: Mapping[EngineName, EngineFacts],
    golden: Sequence[Golden],
    calibration: Calibration | None,
    **facts: Any,  # noqa: ANN401  further fields of Manifest, which checks them
) -> Manifest:
    """The manifest of an export, with whatever further fields are known."""
    calibrated: dict[str, Any] = {}
    if calibration:
        calibrated = {
            "temperature": calibration.scaling.temperature,
            "calibration_slopes": calibration.scaling.slopes,
            "calibration_prior": calibrate.PRIOR_DEVIATION,
            "calibration_images": calibration.images,
            "energy_threshold": calibration.energy_threshold,
        }
    return Manifest(
        name=name,
        version=1,
        labels=data_set.labels,
        input=data_set.input,
        kind=data_set.kind,
        engines=engines,
        golden=tuple(golden),
        files={one.file: "0" * 64 for one in golden},  # `contract.write` puts the real ones
        **calibrated,
        **facts,
    )


def write_golden(
    folder: Path, data_set: DataSet, test: Split, measured: Mapping[EngineName, Measured]
) -> tuple[Golden, ...]:
    """The first test picture of each class as PNG, with each engine's probabilities.

    Data set pictures only: they pass the image kind untouched, so its rules can become better without making a
    published version fail. Raises DataFault if there is none.
    """
    (folder / "golden").mkdir()
    golden = []
    for label in range(int(test.labels.max()) + 1):
        index = _untouched(data_set, test, label)
        if index is None:
            continue
        file = f"golden/{label}.png"
        Image.fromarray(test.images[index].squeeze()).save(folder / file)
        rows = {engine: one.output.probabilities[index] for engine, one in measured.items()}
        probabilities = {engine: tuple(round(p, 6) for p in row.tolist()) for engine, row in rows.items()}
        golden.append(Golden(file=file, probabilities=probabilities))
    if not golden:
        raise DataFault(
            f"the kind {data_set.kind} changes every test image of {data_set.name}, so none can prove that a version "
            "answers as it did here; choose another --kind"
        )
    return tuple(golden)


def _untouched(data_set: DataSet, test: Split, label: int) -> int | None:
    """The first test image of a class that its kind passes as it is."""
    prepare = kinds.find(data_set.kind)
    for index in np.flatnonzero(test.labels == label).tolist():
        image = Image.fromarray(test.images[index].squeeze())
        if np.array_equal(prepare(Picture(image, ()), data_set.input.shape).array, test.images[index]):
            return int(index)
    return None


def has_drawings(images: UInt8) -> bool:
    """Whether strokes on an even ground are among these pictures, `[N, H, W, C]`, more often than by chance."""
    seen = images[:: max(1, len(images) // _LOOKED_AT)]
    return sum(drawing.is_drawing(image) for image in seen) >= _FEW_DRAWINGS * len(seen)


def check_golden(folder: Path) -> None:
    """Raises ModelFault unless all engines, loaded as the service loads them, answer the golden pictures."""
    manifest = Manifest.model_validate_json((folder / contract.FILE_NAME).read_bytes())
    for engine in manifest.engines:
        classifier.load(folder, manifest, engine, threads=1)


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
        git_commit=_git_commit(),
        versions=backend.versions(),
    )


def _git_commit() -> str | None:
    """The commit of the code, with `-dirty` if it was changed since; None outside a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
