"""One version of a model, loaded: arrays to predictions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import Fault, ModelFault
from service.images import drawing, kinds
from service.images.decode import Limits, Picture, decode
from service.images.kinds import Prepared
from service.images.steps import Step
from service.inference import engines
from service.manifest import EngineName, Golden, Manifest

_UNFAMILIAR = Step("not_in_distribution", "this does not look like anything the model was trained on")
# Golden pictures are ours: only the model is on trial.
_GOLDEN_LIMITS = Limits(max_bytes=2**20, max_pixels=2**20, max_frames=1)


class Prediction(NamedTuple):
    """What a model says of one picture; `probabilities` and `logits` float32 `[classes]` in class order.

    `in_distribution` is None for a model without an energy threshold.
    """

    label_index: int
    probabilities: NDArray[np.float32]
    logits: NDArray[np.float32]
    in_distribution: bool | None
    warnings: tuple[Step, ...]


@dataclass(frozen=True)
class Classifier:
    """A loaded version; safe to call from any thread. `folder` is where its files were when it was loaded."""

    folder: Path
    manifest: Manifest
    engine: EngineName
    _infer: engines.Infer
    _prepare: kinds.Prepare

    def prepare(self, picture: Picture) -> Prepared:
        """What the model sees of a picture."""
        prepared = self._prepare(picture, self.manifest.input.shape)
        if self.manifest.expects_drawings or not prepared.subject or not drawing.is_drawing(prepared.array):
            return prepared
        return prepared._replace(warnings=(*prepared.warnings, drawing.DRAWING), subject=False)

    def classify(self, prepared: Sequence[Prepared]) -> list[Prediction]:
        """One prediction a picture, in order; raises ArithmeticError rather than answer numbers that are none."""
        # Most requests have one picture, which need not be copied.
        only = len(prepared) == 1
        output = self._infer(prepared[0].array[None] if only else np.stack([one.array for one in prepared]))
        # The sums of numbers are none if one of them is not.
        if not math.isfinite(output.probabilities.sum() + output.logits.sum()):
            raise ArithmeticError(f"{self.manifest.name} {self.manifest.version} answered with NaN or infinity")
        rows = zip(prepared, output.probabilities, output.logits, strict=True)
        return [self._prediction(one, probabilities, logits) for one, probabilities, logits in rows]

    def _prediction(
        self, prepared: Prepared, probabilities: NDArray[np.float32], logits: NDArray[np.float32]
    ) -> Prediction:
        threshold = self.manifest.energy_threshold
        familiar = None if threshold is None else float(np.logaddexp.reduce(logits)) >= threshold and prepared.subject
        warnings = prepared.warnings if familiar is not False else (*prepared.warnings, _UNFAMILIAR)
        return Prediction(int(probabilities.argmax()), probabilities, logits, familiar, warnings)


def load(folder: Path, manifest: Manifest, engine: EngineName, threads: int) -> Classifier:
    """A version folder as a classifier that has answered its golden pictures.

    Raises ModelFault if the engine cannot load it or answers otherwise than the manifest states.
    """
    try:
        infer = engines.load(engine, folder, threads)
    except Exception as error:  # whatever an engine raises, this version cannot be served
        raise ModelFault(f"{folder}: the engine {engine} cannot load it: {error}") from error
    try:
        prepare = kinds.find(manifest.kind)
    except ModelFault as fault:
        raise ModelFault(f"{folder}: {fault}") from fault
    classifier = Classifier(folder, manifest, engine, infer, prepare)
    try:
        for picture in manifest.golden:
            _check_golden(classifier, folder, picture)
    except Fault as fault:
        raise ModelFault(str(fault)) from fault
    except Exception as error:  # shapes that do not fit are told by the engine, each in its own way
        raise ModelFault(f"{folder}: the engine {engine} and the manifest disagree: {error}") from error
    return classifier


def golden(model: Classifier, folder: Path) -> list[Prepared]:
    """What a model sees of its folder's golden pictures."""
    return [model.prepare(_decoded(folder, picture)) for picture in model.manifest.golden]


def _decoded(folder: Path, picture: Golden) -> Picture:
    return decode((folder / picture.file).read_bytes(), _GOLDEN_LIMITS)


def _check_golden(classifier: Classifier, folder: Path, picture: Golden) -> None:
    stated = picture.probabilities.get(classifier.engine)
    if stated is None:
        raise ModelFault(f"{folder / picture.file}: the manifest states no probabilities for {classifier.engine}")
    prepared = classifier.prepare(_decoded(folder, picture))
    if prepared.array.shape != classifier.manifest.input.shape:
        raise ModelFault(
            f"{folder}: the kind {classifier.manifest.kind} gives {prepared.array.shape}, "
            f"where the manifest states {classifier.manifest.input.shape}"
        )
    (answer,) = classifier.classify([prepared])
    if len(answer.probabilities) != len(classifier.manifest.labels):
        raise ModelFault(
            f"{folder}: {len(classifier.manifest.labels)} labels for {len(answer.probabilities)} probabilities"
        )
    difference = float(np.abs(answer.probabilities - np.asarray(stated)).max())
    # Written so that NaN fails too.
    if not difference <= classifier.manifest.golden_tolerance:
        raise ModelFault(
            f"{folder / picture.file}: the engine {classifier.engine} differs by {difference:.4f} "
            f"from the probabilities in the manifest; at most {classifier.manifest.golden_tolerance} is allowed"
        )
