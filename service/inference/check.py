"""A models folder judged offline: whether the service would serve it, with every engine that is here, and how fast."""

import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service import manifest as contract
from service.errors import Fault, ModelFault
from service.inference import classifier, engines, folders, version_labels
from service.inference.classifier import Classifier
from service.manifest import EngineName, Manifest

_WARM_UP, _CALLS = 20, 200


class EngineVerdict(NamedTuple):
    """What one engine makes of a version; `microseconds` an image, the median on one core; neither if it is not here.

    `difference` is the largest one from TensorFlow's probabilities on the golden pictures.
    """

    engine: EngineName
    installed: bool
    microseconds: float | None = None
    difference: float | None = None


class VersionVerdict(NamedTuple):
    """What is to be said of one version; it is good if it has no fault."""

    model: str
    version: int
    engines: tuple[EngineVerdict, ...]
    faults: tuple[str, ...]


class LabelsVerdict(NamedTuple):
    """The version labels of one model, or what is wrong with them."""

    model: str
    labels: Mapping[str, int]
    fault: str | None


class Verdict(NamedTuple):
    """What is to be said of a folder."""

    versions: tuple[VersionVerdict, ...]
    labels: tuple[LabelsVerdict, ...]

    @property
    def faults(self) -> list[str]:
        """Every fault, in a sentence that names the file."""
        told = [fault for version in self.versions for fault in version.faults]
        return told + [labelled.fault for labelled in self.labels if labelled.fault]


def judge(path: Path) -> Verdict:
    """Judges a models folder, one model's or one version's; raises ModelFault if it is none of these.

    A version is good if its manifest, digests and operations hold, every engine that is installed and that it has a
    file for loads it and answers the golden pictures, and the engines agree as closely as the manifest states.
    """
    path = path.absolute()
    found = folders.versions(path)
    if (path / contract.FILE_NAME).exists() or (path.is_dir() and path.name.isdecimal() and not found):
        return Verdict((_version(path),), ())
    homes = {path.name: found} if found else folders.scan(path)
    judged = {name: tuple(_version(folder) for folder in paths) for name, paths in homes.items()}
    named = tuple(_labels(paths[0].parent, judged[name]) for name, paths in homes.items())
    return Verdict(tuple(version for versions in judged.values() for version in versions), named)


def _version(folder: Path) -> VersionVerdict:
    name, number = folder.parent.name, int(folder.name) if folder.name.isdecimal() else 0
    try:
        manifest = folders.hold(folder)
    except ModelFault as fault:
        return VersionVerdict(name, number, (), (fault.text,))
    loaded, faults = _loaded(folder, manifest)
    answers = {engine: _answers(one, folder) for engine, one in loaded.items()}
    verdicts = []
    for engine in engines.fitting(manifest):
        difference = _difference(answers, engine)
        tolerance = manifest.engines[engine].tolerance if engine in manifest.engines else manifest.golden_tolerance
        # Written so that NaN fails too.
        if difference is not None and not difference <= tolerance:
            faults.append(
                f"{folder}: {engine} differs from tensorflow by {difference:.4f}, at most {tolerance} is stated"
            )
        speed = _microseconds(loaded[engine], folder) if engine in loaded else None
        verdicts.append(EngineVerdict(engine, engines.installed(engine), speed, difference))
    return VersionVerdict(name, number, tuple(verdicts), tuple(faults))


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


def _labels(home: Path, versions: Sequence[VersionVerdict]) -> LabelsVerdict:
    good = {version.version for version in versions if not version.faults}
    try:
        return LabelsVerdict(home.name, version_labels.read(home, good), None)
    except ModelFault as fault:
        return LabelsVerdict(home.name, {}, fault.text)
