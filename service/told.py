"""Offline predictions as lines for programs and for people."""

import json
import os
from collections.abc import Sequence

from service import answer
from service.images.steps import Step
from service.predict import Answered


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
