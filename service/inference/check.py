"""Checks a models folder offline: whether the service would serve it, with every engine that is here, and how fast."""

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service import manifest as contract
from service.errors import Fault, ModelFault
from service.inference import classifier, engines, folders, version_labels
from service.inference.classifier import Classifier
from service.manifest import EngineName, Manifest

_WARM_UP, _CALLS = 20, 200
# Of the table for people.
_HEAD = ("model", "version", "is", "engine", "an image", "differs", "")


class EngineReport(NamedTuple):
    """What one engine makes of a version; `microseconds` an image, the median on one core; neither if it is not here.

    `difference` is the largest one from TensorFlow's probabilities on the golden pictures.
    """

    engine: EngineName
    installed: bool
    microseconds: float | None = None
    difference: float | None = None


class VersionReport(NamedTuple):
    """What is to be said of one version; it is good if it has no fault."""

    model: str
    version: int
    engines: tuple[EngineReport, ...]
    faults: tuple[str, ...]


class LabelsReport(NamedTuple):
    """The version labels of one model, or what is wrong with them."""

    model: str
    labels: Mapping[str, int]
    fault: str | None


class CheckReport(NamedTuple):
    """What is to be said of a folder."""

    versions: tuple[VersionReport, ...]
    labels: tuple[LabelsReport, ...]

    @property
    def faults(self) -> list[str]:
        """Every fault, in a sentence that names the file."""
        told = [fault for version in self.versions for fault in version.faults]
        return told + [labelled.fault for labelled in self.labels if labelled.fault]


def judge(path: Path) -> CheckReport:
    """Judges a models folder, one model's or one version's; raises ModelFault if it is none of these.

    A version is good if its manifest, digests and operations hold, every engine that is installed and that it has a
    file for loads it and answers the golden pictures, and the engines agree as closely as the manifest states.
    """
    path = path.absolute()
    found = folders.versions(path)
    if (path / contract.FILE_NAME).exists() or (path.is_dir() and path.name.isdecimal() and not found):
        return CheckReport((_version(path),), ())
    homes = {path.name: found} if found else folders.scan(path)
    judged = {name: tuple(_version(folder) for folder in paths) for name, paths in homes.items()}
    named = tuple(_labels(paths[0].parent, judged[name]) for name, paths in homes.items())
    return CheckReport(tuple(version for versions in judged.values() for version in versions), named)


def _version(folder: Path) -> VersionReport:
    name, number = folder.parent.name, int(folder.name) if folder.name.isdecimal() else 0
    try:
        manifest = folders.hold(folder)
    except ModelFault as fault:
        return VersionReport(name, number, (), (fault.text,))
    loaded, faults = _loaded(folder, manifest)
    answers = {engine: _answers(one, folder) for engine, one in loaded.items()}
    reports = []
    for engine in engines.fitting(manifest):
        difference = _difference(answers, engine)
        tolerance = manifest.engines[engine].tolerance if engine in manifest.engines else manifest.golden_tolerance
        # Written so that NaN fails too.
        if difference is not None and not difference <= tolerance:
            faults.append(
                f"{folder}: {engine} differs from tensorflow by {difference:.4f}, at most {tolerance} is stated"
            )
        speed = _microseconds(loaded[engine], folder) if engine in loaded else None
        reports.append(EngineReport(engine, engines.installed(engine), speed, difference))
    return VersionReport(name, number, tuple(reports), tuple(faults))


def _loaded(folder: Path, manifest: Manifest) -> tuple[dict[EngineName, Classifier], list[str]]:
    """The version in every engine that is here, and the faults of those that cannot take it."""
    fitting = engines.fitting(manifest)
    loaded, faults = {}, [] if fitting else [f"{folder}: has a file for no engine"]
    for engine in filter(engines.installed, fitting):
        try:
            loaded[engine] = classifier.load(folder, manifest, engine, threads=1)
        except Fault as fault:
            faults.append(fault.text)
    return loaded, faults


def _answers(model: Classifier, folder: Path) -> NDArray[np.float32]:
    """Probabilities of the golden pictures `[N, classes]`."""
    prepared = classifier.golden(model, folder)
    return np.stack([prediction.probabilities for prediction in model.classify(prepared)])


def _difference(answers: Mapping[EngineName, NDArray[np.float32]], engine: EngineName) -> float | None:
    truth = answers.get("tensorflow")
    if engine == "tensorflow" or engine not in answers or truth is None:
        return None
    return float(np.abs(answers[engine] - truth).max())


def _microseconds(model: Classifier, folder: Path) -> float:
    one = classifier.golden(model, folder)[:1]
    times = []
    for _ in range(_WARM_UP + _CALLS):
        started = time.perf_counter()
        model.classify(one)
        times.append(time.perf_counter() - started)
    return statistics.median(times[_WARM_UP:]) * 1e6


def _labels(home: Path, versions: Sequence[VersionReport]) -> LabelsReport:
    good = {version.version for version in versions if not version.faults}
    try:
        return LabelsReport(home.name, version_labels.read(home, good), None)
    except ModelFault as fault:
        return LabelsReport(home.name, {}, fault.text)


def as_json(report: CheckReport) -> str:
    """One document: `good`, every version with its engines and faults, and the labels of every model."""
    versions = [
        {
            "model": one.model,
            "version": one.version,
            "good": not one.faults,
            "engines": {engine.engine: _engine(engine) for engine in one.engines},
            "faults": one.faults,
        }
        for one in report.versions
    ]
    labels = {
        one.model: {"labels": dict(one.labels)} | ({"fault": one.fault} if one.fault else {}) for one in report.labels
    }
    return json.dumps({"good": not report.faults, "versions": versions, "version_labels": labels}, indent=2)


def _engine(report: EngineReport) -> dict[str, Any]:
    measured = {"microseconds": report.microseconds, "difference": report.difference}
    return {"installed": report.installed} | {name: value for name, value in measured.items() if value is not None}


def as_text(report: CheckReport) -> str:
    """A table of versions and engines, the labels, every fault, and the sum of it."""
    rows = [_HEAD, *(row for version in report.versions for row in _rows(version))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    for one in report.labels:
        if one.labels:
            named = ", ".join(f"{label} is {version}" for label, version in one.labels.items())
            lines.append(f"version labels of {one.model}: {named}")
    lines += [f"fault: {fault}" for fault in report.faults]
    return "\n".join([*lines, _sum(report)])


def _rows(version: VersionReport) -> list[tuple[str, ...]]:
    """One an engine; what concerns the whole version only in the first."""
    whole = (version.model, str(version.version), "fault" if version.faults else "good")
    rows = [_measured(engine) for engine in version.engines] or [("", "", "", "")]
    return [(*(("", "", "") if index else whole), *row) for index, row in enumerate(rows)]


def _measured(engine: EngineReport) -> tuple[str, str, str, str]:
    speed = "" if engine.microseconds is None else f"{engine.microseconds:.0f} µs"
    difference = "" if engine.difference is None else f"{engine.difference:.4f}"
    return engine.engine, speed, difference, "" if engine.installed else "not installed, so not checked"


def _sum(report: CheckReport) -> str:
    count, faults = len(report.versions), len(report.faults)
    checked = f"{count} version{'' if count == 1 else 's'} checked"
    return f"{checked}, {f'{faults} fault' + ('' if faults == 1 else 's') if faults else 'all good'}"
