"""From a finished run to a version folder below it."""

import math
import subprocess
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from service import manifest as contract
from service.images import drawing, kinds
from service.images.decode import Picture
from service.inference import classifier
from service.manifest import EngineFacts, EngineName, Golden, Manifest, Provenance
from training import atomic, backend, card, cost, dataset, evaluate, fit, fold, model, report, saved_model
from training.augmentation import Augment
from training.calibrate import Calibration, Scaling, calibrate
from training.dataset import DataFault, DataSet, Split, Splits, UInt8
from training.evaluate import Exported, Measured
from training.recipe import check_servable
from training.run import Checkpoint, Run, RunFault

# An int8 file must agree with the SavedModel this well, or float32 ships.
_LEAST_AGREEMENT, _MOST_ACCURACY_LOST = 0.999, 0.001
_AUGMENTED_AT_ONCE = 500
# Other CPUs round differently in the last digits; a tolerance below this would be about them.
_LEAST_TOLERANCE = 1e-3
# The test split does not hold the worst case, so the largest difference found there is widened by this factor.
_TOLERANCE_MARGIN = 1.5
# Of the training images: where fewer look like drawings, a drawing is none of what the model knows.
_FEW_DRAWINGS, _LOOKED_AT = 0.02, 2000


def package(run: Run, data_set: DataSet, splits: Splits) -> Path:
    """Exports a finished run as a version folder below its own, measured once on the test split.

    A folder already there is left alone. A recipe that holds no images out is exported without calibration. Raises
    RunFault if the run is not finished, NotServable for a recipe without probabilities.
    """
    check_servable(run.recipe)
    if run.export_dir.exists():
        return run.export_dir
    train, validation = splits.hold_out(run.recipe.validation_images)
    trained = _serving_model(run, data_set, train)
    calibration = _calibration(run, trained, validation)
    with atomic.exclusive(run.export_dir.parent), atomic.new_folder(run.export_dir) as folder:
        scaling = calibration.scaling if calibration else Scaling()
        saved_model.write(saved_model.of_model(trained), scaling, folder)
        exported = with_litert(folder, splits.test)
        golden = write_golden(folder, data_set, splits.test, exported.measured)
        measured = exported.measured["litert"]
        served = report.Served(cost.rows(trained), cost.measure(trained, folder, ("litert", "tensorflow")))
        history = _checkpoint(run).history
        report.write(folder, data_set, history, train, splits.test, measured, scaling, served)
        text = card.write(run.recipe, data_set, served.cost, calibration, exported, splits.test.labels)
        (folder / "README.md").write_text(text)
        contract.write(folder, _manifest(run, data_set, splits, calibration, exported, golden))
        check_golden(folder)
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
    augmentation = Augment([run.recipe.augmentation], run.seed)
    changed = np.concatenate([
        keras.ops.convert_to_numpy(augmentation(images, training=True))
        for images in np.array_split(validation.images, math.ceil(len(validation.labels) / _AUGMENTED_AT_ONCE))
    ])  # fmt: skip
    answers = [fit.predict(trained, images) for images in (validation.images, changed)]
    return calibrate(answers[0], validation.labels, answers[1])


def _checkpoint(run: Run) -> Checkpoint:
    checkpoint = run.load()
    done = len(checkpoint.history) if checkpoint else 0
    if checkpoint is None or done < run.recipe.epochs:
        raise RunFault(f"{run.folder} has finished {done} of {run.recipe.epochs} epochs; train it to the end first")
    return checkpoint


def with_litert(folder: Path, test: Split) -> Exported:
    """Adds `model.tflite`, int8 if that is as good as the SavedModel, and measures both engines."""
    truth = evaluate.measure(folder, "tensorflow", test)
    for weights in ("int8", "float32"):
        (folder / contract.LITERT_FILE).write_bytes(saved_model.convert(folder, weights))
        converted = evaluate.measure(folder, "litert", test)
        if _as_good(converted, truth):
            return Exported(weights, {"litert": converted, "tensorflow": truth})
    raise RunFault(f"{folder}: even the float32 LiteRT file does not agree with the SavedModel")


def _as_good(converted: Measured, truth: Measured) -> bool:
    agreed = evaluate.agreement(converted.output, truth.output) >= _LEAST_AGREEMENT
    return agreed and abs(converted.accuracy - truth.accuracy) <= _MOST_ACCURACY_LOST


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
        image = test.images[index]
        Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(folder / file)
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


def _manifest(
    run: Run,
    data_set: DataSet,
    splits: Splits,
    calibration: Calibration | None,
    exported: Exported,
    golden: tuple[Golden, ...],
) -> Manifest:
    return Manifest(
        name=run.recipe.name,
        version=1,
        labels=data_set.labels,
        input=data_set.input,
        kind=data_set.kind,
        engines=engine_facts(exported),
        golden=golden,
        temperature=calibration.scaling.temperature if calibration else None,
        calibration_images=calibration.images if calibration else None,
        energy_threshold=calibration.energy_threshold if calibration else None,
        expects_drawings=has_drawings(splits.train.images),
        provenance=Provenance(
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
        ),
        files={golden_one.file: "0" * 64 for golden_one in golden},  # `contract.write` puts the real ones
    )


def has_drawings(images: UInt8) -> bool:
    """Whether strokes on an even ground are among these pictures, `[N, H, W, C]`, more often than by chance."""
    seen = images[:: max(1, len(images) // _LOOKED_AT)]
    return sum(drawing.is_drawing(image) for image in seen) >= _FEW_DRAWINGS * len(seen)


def engine_facts(exported: Exported) -> dict[EngineName, EngineFacts]:
    """What the manifest states of each engine."""
    truth = exported.measured["tensorflow"]
    images = len(truth.output.probabilities)
    facts = {
        "tensorflow": EngineFacts(
            tolerance=_LEAST_TOLERANCE, accuracy=truth.accuracy, agreement=1.0, test_images=images
        )
    }
    if litert := exported.measured.get("litert"):
        difference = evaluate.largest_difference(litert.output, truth.output)
        facts["litert"] = EngineFacts(
            tolerance=max(_LEAST_TOLERANCE, math.ceil(difference * _TOLERANCE_MARGIN * 1000) / 1000),
            accuracy=litert.accuracy,
            agreement=evaluate.agreement(litert.output, truth.output),
            weights=exported.weights,
            test_images=images,
        )
    return {name: facts[name] for name in ("litert", "tensorflow") if name in facts}


def check_golden(folder: Path) -> None:
    """Raises ModelFault unless both engines, loaded as the service loads them, answer the golden pictures."""
    manifest = Manifest.model_validate_json((folder / contract.FILE_NAME).read_bytes())
    for engine in manifest.engines:
        classifier.load(folder, manifest, engine, threads=1)


def _git_commit() -> str | None:
    """The commit of the code, with `-dirty` if it was changed since; None outside a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
