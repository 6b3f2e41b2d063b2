"""Offline predictions as lines for programs and for people."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from service import answer
from service.errors import Fault
from service.images.steps import Step
from service.offline import predict
from service.offline.predict import Answered
from service.settings import Settings


class Asked(NamedTuple):
    """What is to be told of every file; whole enough for another process to go by. No version is the highest."""

    settings: Settings
    model: str
    version: int | None = None
    as_json: bool = True
    top_k: int | None = None
    seen: bool = False


class Line(NamedTuple):
    """What is to be written of a file, and whether nothing was predicted of it."""

    text: str
    failed: bool


class TooManyLabels(Fault):
    """More labels are asked for than the model has."""

    code = "too_many_labels"


class Teller:
    """A model that was opened to tell lines of files."""

    def __init__(self, asked: Asked) -> None:
        """Raises UnknownModel, UnknownVersion, NotReady, ModelFault or TooManyLabels."""
        self._model = predict.open_model(asked.settings, asked.model, asked.version)
        # Of this version from now on, whatever is published in the meantime.
        self.asked = asked._replace(version=self._model.manifest.version)
        self._labels = self._model.manifest.labels
        if asked.top_k and asked.top_k > len(self._labels):
            raise TooManyLabels(f"{asked.model} has {len(self._labels)} labels")

    @property
    def folder(self) -> Path:
        """Where the version lies."""
        return self._model.folder

    def line(self, source: predict.Source) -> Line:
        """The line of one file."""
        answered = predict.answer(self._model, source, predict.limits(self.asked.settings))
        tell = as_json if self.asked.as_json else as_text
        return Line(tell(answered, self._labels, self.asked.top_k, self.asked.seen), answered.fault is not None)


def as_json(answered: Answered, labels: Sequence[str], top_k: int | None, seen: bool) -> str:
    """One line of JSON: the file and the service's answer, or an `error` with the service's code."""
    if answered.prediction is None or answered.prepared is None:
        fault = answered.fault
        return json.dumps(
            {"file": answered.file, "error": {"code": fault.code, "detail": fault.text} if fault else None}
        )
    line = {"file": answered.file} | answer.of(labels, answered.prediction, top_k)
    return json.dumps(line | ({"seen": answer.seen(answered.prepared)} if seen else {}))


def as_text(answered: Answered, labels: Sequence[str], top_k: int | None, seen: bool) -> str:
    """The file, its label and probability or what is wrong; then what else was asked for."""
    # A name need not be text.
    name = os.fsencode(answered.file).decode(errors="replace")
    if answered.prediction is None or answered.prepared is None:
        return f"{name}: {answered.fault.text if answered.fault else ''}"
    probabilities = answered.prediction.probabilities
    best = (-probabilities).argsort(kind="stable")[: top_k or 1].tolist()
    told = ", ".join(f"{labels[index]} {probabilities[index]:.2%}" for index in best)
    lines = [f"{name}: {told}", *_indented("warning", answered.prediction.warnings)]
    return "\n".join(lines + (_indented("seen", answered.prepared.steps) if seen else []))


def _indented(word: str, steps: Sequence[Step]) -> list[str]:
    return [f"  {word}: {step.text}" for step in steps]
