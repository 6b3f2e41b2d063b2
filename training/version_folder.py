"""A version folder: both engines' files, chosen on held-out images, and what is stated of them."""

import math
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
from training import calibrate, card, cost, dataset, evaluate, report, saved_model
from training.calibrate import MIN_CALIBRATION_IMAGES, Calibration, Scaling
from training.dataset import DataFault, DataSet, Split, UInt8
from training.evaluate import Measured
from training.recipe import Recipe
from training.run import RunFault
from training.saved_model import Graph, Weights

BOTH: tuple[EngineName, ...] = ("litert", "tensorflow")
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


def write(folder: Path, graph: Graph, export: Export, engines: Sequence[EngineName] = BOTH) -> None:
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
