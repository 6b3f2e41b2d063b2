"""Which models and versions there are, which of them are loaded, and what is wrong with the others."""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from service import manifest as contract
from service.errors import Fault, ModelFault, NotReady, UnknownLabel, UnknownModel, UnknownVersion
from service.inference import classifier, engines
from service.inference.classifier import Classifier
from service.manifest import EngineName, Manifest, ManifestFault

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """A version folder whose manifest and digests hold, and the engine it will get."""

    folder: Path
    manifest: Manifest
    engine: EngineName


@dataclass(frozen=True)
class Model:
    """One model's versions: loaded ones by number, and for each other one the sentence that says why not.

    `labels` name versions.
    """

    versions: Mapping[int, Classifier] = field(default_factory=dict)
    faults: Mapping[int, str] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)


def scan(models_dir: Path) -> dict[str, list[Path]]:
    """Every `<name>/<integer>/` below a models folder, versions ascending; raises ModelFault if there is none."""
    if not models_dir.is_dir():
        raise ModelFault(f"{models_dir} is no folder; SQUINT_MODELS_DIR names the one with <name>/<version>/ below it")
    try:
        found = {path.name: _versions(path) for path in sorted(models_dir.iterdir()) if not path.name.startswith(".")}
    except OSError as error:
        raise ModelFault(f"{error.filename}: {error.strerror}") from error
    if not any(found.values()):
        raise ModelFault(f"{models_dir} holds no model: no folder <name>/<version>/ is there")
    return {name: versions for name, versions in found.items() if versions}


def _versions(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    # Only a number as it is written: `01` would be a second version 1.
    versions = [path for path in folder.iterdir() if re.fullmatch("[1-9][0-9]*", path.name) and path.is_dir()]
    return sorted(versions, key=lambda path: int(path.name))


def examine(folder: Path, wanted_engine: str) -> Found:
    """Checks a version folder without loading it; raises ModelFault naming the file and the fault."""
    try:
        manifest = contract.read(folder)
        contract.verify_files(folder, manifest)
    except ManifestFault as error:
        raise ModelFault(str(error)) from error
    return Found(folder, manifest, engines.choose(folder, manifest, wanted_engine))


def check_start(models_dir: Path, wanted_engine: str) -> None:
    """Raises ModelFault with every fault found if some model has no version that could be served."""
    for name, folders in scan(models_dir).items():
        faults = [str(result) for result in _examined(folders, wanted_engine) if isinstance(result, ModelFault)]
        if len(faults) == len(folders):
            raise ModelFault(f"model {name} has no version that can be served:\n" + "\n".join(faults))


def _examined(folders: list[Path], wanted_engine: str) -> Iterator[Found | ModelFault]:
    for folder in folders:
        try:
            yield examine(folder, wanted_engine)
        except ModelFault as fault:
            yield fault


class Registry:
    """The loaded models; `load` fills it once, everything else only reads."""

    def __init__(self, models_dir: Path, wanted_engine: str, threads: int) -> None:
        self._models_dir, self._wanted_engine, self._threads = models_dir, wanted_engine, threads
        self._models: Mapping[str, Model] | None = None

    def load(self, only: str | None = None) -> None:
        """Loads every version that can be served, or those of one model; logs and keeps the fault of every other."""
        try:
            self._models = {
                name: self._load_model(folders) if only in (None, name) else Model()
                for name, folders in scan(self._models_dir).items()
            }
        except ModelFault as fault:
            _log.error("%s", fault)
            self._models = {}

    def _load_model(self, folders: list[Path]) -> Model:
        versions: dict[int, Classifier] = {}
        faults: dict[int, str] = {}
        for folder in folders:
            try:
                found = examine(folder, self._wanted_engine)
                versions[int(folder.name)] = classifier.load(*found, self._threads)
            except Fault as fault:
                _log.error("version not served: %s", fault)
                faults[int(folder.name)] = str(fault)
        return Model(versions, faults)

    def unready(self) -> str | None:
        """Why not every model answers yet, in a sentence; None once each has a version that did."""
        if self._models is None:
            return "the models are being loaded"
        if not self._models:
            return "there is no model to serve"
        missing = [name for name, model in self._models.items() if not model.versions]
        return f"no version could be loaded of: {', '.join(missing)}" if missing else None

    def models(self) -> Mapping[str, Model]:
        """Every model on disk by name; raises NotReady while they are being loaded."""
        if self._models is None:
            raise NotReady("the models are being loaded; try again in a moment")
        return self._models

    def model(self, name: str) -> Model:
        """One model; raises UnknownModel or NotReady."""
        models = self.models()
        if name not in models:
            raise UnknownModel(f"there is no model {name!r}; there are: {', '.join(models) or 'none'}")
        return models[name]

    def get(self, name: str, version: int | None = None, label: str | None = None) -> Classifier:
        """A loaded version, by default the highest; raises UnknownModel, UnknownVersion, UnknownLabel or NotReady."""
        model = self.model(name)
        if label is not None:
            if label not in model.labels:
                raise UnknownLabel(f"model {name!r} has no version label {label!r}; it has: {', '.join(model.labels)}")
            version = model.labels[label]
        if version is None and not model.versions:
            raise NotReady(f"no version of model {name!r} could be loaded")
        number = max(model.versions) if version is None else version
        if number in model.faults:
            raise NotReady(f"version {number} of model {name!r} could not be loaded")
        if number not in model.versions:
            known = ", ".join(str(known) for known in sorted(model.versions))
            raise UnknownVersion(f"model {name!r} has no version {number}; it has: {known or 'none'}")
        return model.versions[number]
