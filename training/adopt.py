"""A model trained elsewhere becomes a version folder that the unchanged service serves."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from service import manifest as contract
from service.images import kinds
from service.images.decode import Picture
from service.inference import engines
from service.manifest import EngineFacts, EngineName, Golden, InputSpec, Manifest
from training import atomic, dataset, evaluate, export, foreign, report, saved_model
from training.calibrate import Calibration, Scaling, calibrate, state
from training.dataset import Content, Split
from training.evaluate import Exported
from training.foreign import NotAdopted
from training.own_data import Pixels
from training.proportions import accuracy_text
from training.saved_model import Graph

_ENGINES: tuple[EngineName, ...] = ("litert", "tensorflow")
_CARD = """\
---
library_name: tf-keras
pipeline_tag: image-classification
---

# {adoption.name}

Trained elsewhere and adopted from `{file}`; how it was trained is not known here. Answers {adoption.labels}.

{told}
"""
# The largest difference between two engines that is put down to rounding, for a model that nobody measured.
_TOLERANCE = 0.01


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """What somebody says of a model; `pixels` is the range it was trained on, which a uint8 input makes moot."""

    source: Path
    name: str
    labels: tuple[str, ...]
    kind: str
    pixels: Pixels


def adopt(adoption: Adoption, evidence: Content | None, home: Path) -> Path:
    """Writes `home/<name>/1`; with labelled images calibrated and measured, else without these facts.

    Half of the evidence calibrates and the other half measures: of its test images where somebody divided them, of all
    where not. Raises NotAdopted.
    """
    graph = foreign.load(adoption.source, adoption.pixels, len(adoption.labels))
    if evidence:
        _check_evidence(adoption, evidence, graph.shape)
    version = home / adoption.name / "1"
    with atomic.exclusive(version.parent), atomic.new_folder(version) as folder:
        saved_model.write(graph, Scaling(), folder)
        facts = _measured(folder, graph, evidence) if evidence else _unmeasured(folder, graph, adoption.kind)
        (folder / "README.md").write_text(_CARD.format(adoption=adoption, file=adoption.source.name, told=facts.told))
        contract.write(folder, _manifest(adoption, graph.shape, facts))
        export.check_golden(folder)
    return version


def _check_evidence(adoption: Adoption, evidence: Content, shape: tuple[int, int, int]) -> None:
    if evidence.labels != adoption.labels:
        raise NotAdopted(f"the images are of {', '.join(evidence.labels)}, the labels {', '.join(adoption.labels)}")
    found = evidence.splits.test.images.shape[1:]
    if found != shape:
        size = f"--size {shape[0]}{' --grey' if shape[2] == 1 else ''}"
        raise NotAdopted(
            f"the model takes images of {shape}, these are {found}; {size} reads a folder as it takes them"
        )
    dataset.check(dataset.of_content("own", "images", evidence), evidence.splits)


def _halves(evidence: Content) -> tuple[Split, Split]:
    train, test = evidence.splits
    images = test if evidence.divided else Split(*(np.concatenate(pair) for pair in zip(train, test, strict=True)))
    # Every other image of each class: both halves hold them all.
    order = np.argsort(images.labels, kind="stable")
    first, second = (Split(*(array[order[start::2]] for array in images)) for start in (0, 1))
    return first, second


class _Facts(NamedTuple):
    """What is known of a version once it was measured, or was not."""

    engines: Mapping[EngineName, EngineFacts]
    golden: tuple[Golden, ...]
    calibration: Calibration | None
    expects_drawings: bool
    told: str


def _measured(folder: Path, graph: Graph, evidence: Content) -> _Facts:
    """Calibrates, writes both files anew and measures them."""
    held_out, test = _halves(evidence)
    calibration = calibrate(engines.load("tensorflow", folder, threads=1)(held_out.images).logits, held_out.labels)
    shutil.rmtree(folder)
    folder.mkdir()
    saved_model.write(graph, calibration.scaling, folder)
    exported = export.with_litert(folder, test) if _converts(folder, graph.shape) else _by_tensorflow(folder, test)
    data_set = dataset.of_content("own", "images of one's own", evidence)
    golden = export.write_golden(folder, data_set, test, exported.measured)
    report.write(folder, data_set, (), test, test, exported.measured[exported.engine], calibration.scaling)
    calibrated = f"Calibration: {state(calibration.scaling.temperature, calibration.images)}."
    lines = [f"Measured on {len(test.labels)} images that were given with it. {calibrated}", ""]
    lines += [f"* {engine}: accuracy {accuracy_text(one.accuracy, len(test.labels))}, "
              f"expected calibration error {one.calibration_error:.2%}"
              for engine, one in exported.measured.items()]  # fmt: skip
    figures = [f"![{name}](figures/{name}.png)" for name in ("confusion", "reliability", "predictions", "mistakes")]
    told = "\n".join([*lines, "", *figures])
    drawings = export.has_drawings(held_out.images)
    return _Facts(export.engine_facts(exported), golden, calibration, drawings, told)


def _unmeasured(folder: Path, graph: Graph, kind: str) -> _Facts:
    names = _ENGINES if _converts(folder, graph.shape) else _ENGINES[1:]
    golden = _made_golden(folder, graph.shape, kind, names)
    facts = {name: EngineFacts(tolerance=_TOLERANCE) for name in names}
    return _Facts(facts, golden, None, True, "Neither measured nor calibrated.")


def _converts(folder: Path, shape: tuple[int, int, int]) -> bool:
    """Whether LiteRT can take the SavedModel and answers pictures of noise as TensorFlow does; else no file is left."""
    images = np.random.default_rng(1).integers(0, 256, (16, *shape), dtype=np.uint8)
    try:
        (folder / contract.LITERT_FILE).write_bytes(saved_model.convert(folder, "float32"))
        here, truth = (engines.load(name, folder, threads=1)(images).probabilities for name in _ENGINES)
        agrees = bool(np.abs(here - truth).max() <= _TOLERANCE)  # False for NaN
    except Exception:  # an operation that LiteRT does not know is told in many ways; TensorFlow serves it all the same
        agrees = False
    if not agrees:
        (folder / contract.LITERT_FILE).unlink(missing_ok=True)
    return agrees


def _by_tensorflow(folder: Path, test: Split) -> Exported:
    return Exported("float32", {"tensorflow": evaluate.measure(folder, "tensorflow", test)})


def _made_golden(
    folder: Path, shape: tuple[int, int, int], kind: str, names: Sequence[EngineName]
) -> tuple[Golden, ...]:
    """Pictures of noise within a black border, which every kind passes as they are."""
    (folder / "golden").mkdir()
    infer = {name: engines.load(name, folder, threads=1) for name in names}
    made = []
    for seed in range(3):
        image = np.zeros(shape, np.uint8)
        inner = image[3:-3, 3:-3]
        inner[:] = np.random.default_rng(seed).integers(0, 256, inner.shape)
        file = f"golden/{seed}.png"
        Image.fromarray(image.squeeze()).save(folder / file)
        array = kinds.find(kind)(Picture(Image.fromarray(image.squeeze()), ()), shape).array
        rows = {name: tuple(run(array[None]).probabilities[0].tolist()) for name, run in infer.items()}
        made.append(Golden(file=file, probabilities=rows))
    return tuple(made)


def _manifest(adoption: Adoption, shape: tuple[int, int, int], facts: _Facts) -> Manifest:
    height, width, channels = shape
    return Manifest(
        name=adoption.name,
        version=1,
        labels=adoption.labels,
        input=InputSpec.model_validate({"height": height, "width": width, "channels": channels}),
        kind=adoption.kind,
        engines=facts.engines,
        golden=facts.golden,
        temperature=facts.calibration.scaling.temperature if facts.calibration else None,
        calibration_images=facts.calibration.images if facts.calibration else None,
        energy_threshold=facts.calibration.energy_threshold if facts.calibration else None,
        expects_drawings=facts.expects_drawings,
        files={golden.file: "0" * 64 for golden in facts.golden},  # `contract.write` puts the real ones
    )
