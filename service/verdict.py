"""The verdict on a models folder, as JSON for programs and as a table for people."""

import json
from collections.abc import Sequence
from typing import Any

from service.inference.check import EngineVerdict, Verdict, VersionVerdict

_HEAD = ("model", "version", "is", "engine", "an image", "differs", "")
_NUMBERS = (1, 4, 5)


def as_json(verdict: Verdict) -> str:
    """One document: `good`, every version with its engines and faults, and the labels of every model."""
    versions = [
        {
            "model": one.model,
            "version": one.version,
            "good": not one.faults,
            "engines": {engine.engine: _engine(engine) for engine in one.engines},
            "faults": one.faults,
        }
        for one in verdict.versions
    ]
    labels = {
        one.model: {"labels": dict(one.labels)} | ({"fault": one.fault} if one.fault else {}) for one in verdict.labels
    }
    return json.dumps({"good": not verdict.faults, "versions": versions, "version_labels": labels}, indent=2)


def _engine(verdict: EngineVerdict) -> dict[str, Any]:
    measured = {"microseconds": verdict.microseconds, "difference": verdict.difference}
    return {"installed": verdict.installed} | {name: value for name, value in measured.items() if value is not None}


def as_text(verdict: Verdict) -> str:
    """A table of versions and engines, the labels, every fault, and the sum of it."""
    rows = [_HEAD, *(row for version in verdict.versions for row in _rows(version))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(_padded(row, widths)).rstrip() for row in rows]
    for one in verdict.labels:
        if one.labels:
            named = ", ".join(f"{label} is {version}" for label, version in one.labels.items())
            lines.append(f"version labels of {one.model}: {named}")
    lines += [f"fault: {fault}" for fault in verdict.faults]
    return "\n".join([*lines, _sum(verdict)])


def _rows(version: VersionVerdict) -> list[tuple[str, ...]]:
    """One an engine; what concerns the whole version only in the first."""
    whole = (version.model, str(version.version), "fault" if version.faults else "good")
    rows = [_measured(engine) for engine in version.engines] or [("", "", "", "")]
    return [(*(("", "", "") if index else whole), *row) for index, row in enumerate(rows)]


def _measured(engine: EngineVerdict) -> tuple[str, str, str, str]:
    speed = "" if engine.microseconds is None else f"{engine.microseconds:.0f} µs"
    difference = "" if engine.difference is None else f"{engine.difference:.4f}"
    return engine.engine, speed, difference, "" if engine.installed else "not installed, so not checked"


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Numbers to the right, words to the left."""
    return [
        cell.rjust(width) if column in _NUMBERS else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _sum(verdict: Verdict) -> str:
    count, faults = len(verdict.versions), len(verdict.faults)
    checked = f"{count} version{'' if count == 1 else 's'} checked"
    return f"{checked}, {f'{faults} fault' + ('' if faults == 1 else 's') if faults else 'all good'}"
