"""Which models and versions there are, which of them are loaded, and what is wrong with the others."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from service.errors import ModelFault, NotReady, UnknownLabel, UnknownModel, UnknownVersion, did_you_mean
from service.inference import folders
from service.inference.classifier import Classifier
from service.inference.shelf import Change, Model, Renewed, Shelf

__all__ = ["Change", "Model", "Registry"]

_log = logging.getLogger(__name__)


class Registry:
    """The models of a folder.

    One thread calls `load` and then `look`; any thread may read, and what it gets never changes under it.
    """

    def __init__(
        self, models_dir: Path, wanted_engine: str, threads: int, required: frozenset[str] | None = None
    ) -> None:
        """`required` are the models that readiness waits for; by default those that `load` finds."""
        self._models_dir, self._wanted_engine, self._threads = models_dir, wanted_engine, threads
        self._required = required
        self._shelves: dict[str, Shelf] = {}
        self._observer: Callable[[Change], None] | None = None
        # Both are never changed, only replaced.
        self._models: Mapping[str, Model] | None = None
        self._fault: str | None = None

    def observe(self, observer: Callable[[Change], None]) -> None:
        """Has every load, failure and removal of a version told from now on."""
        self._observer = observer

    def load(self, only: str | None = None) -> None:
        """Loads every version that can be served, or those of one model; logs and keeps the fault of every other."""
        found = self._scan()
        wanted = {name: numbers for name, numbers in found.items() if only in (None, name)}
        loaded = {name: self._shelf(name).renew(numbers, at_once=True) for name, numbers in wanted.items()}
        self._required = frozenset(found) if self._required is None else self._required
        # Of a folder that is away: those that there were are told as not to be had just now, and not as unknown.
        names = sorted(self._required or ()) if self._fault else found
        self._models = {name: loaded[name].model if name in loaded else Model() for name in names}
        for name, renewed in loaded.items():
            self._tell(name, Model(), renewed, logging.DEBUG)

    def look(self) -> None:
        """Notices what changed on disk since, loads and checks it, and swaps it in, model by model.

        A folder that cannot be read, or holds nothing at all, is taken for one that is not mounted: what is loaded
        serves on, and `fault` tells it.
        """
        found = self._scan()
        if self._fault:
            return
        for name in sorted(self._shelves.keys() | found.keys() | self.models().keys()):
            self._swap(name, self._shelf(name).renew(found.get(name, ()), at_once=False))
            if name not in found:
                del self._shelves[name]

    def _scan(self) -> Mapping[str, tuple[int, ...]]:
        """The versions on disk by model; none, and a fault, if the folder cannot be read."""
        try:
            found, fault = folders.scan(self._models_dir), None
        except ModelFault as error:
            found, fault = {}, error.text
        if fault and fault != self._fault:
            _log.error("%s", fault)
        self._fault = fault
        return {name: tuple(int(path.name) for path in paths) for name, paths in found.items()}

    def _shelf(self, name: str) -> Shelf:
        if name not in self._shelves:
            self._shelves[name] = Shelf(self._models_dir / name, self._wanted_engine, self._threads)
        return self._shelves[name]

    def _swap(self, name: str, renewed: Renewed) -> None:
        """Puts a model in its place, or takes it out if it has nothing to say, not even a fault."""
        models, model = self.models(), renewed.model
        before = models.get(name, Model())
        if before is not model:
            others = {other: kept for other, kept in models.items() if other != name}
            told = {name: model} if model.versions or model.faults else {}
            self._models = dict(sorted((others | told).items()))
        self._tell(name, before, renewed, logging.INFO)

    def _tell(self, name: str, before: Model, renewed: Renewed, level: int) -> None:
        """Logs what changed, and has the observer know; after it is so."""
        now, changes = renewed
        for change in changes:
            if change.outcome == "failed":
                on = "; the one loaded before serves on" if change.ready else ""
                _log.error("version not served: %s%s", now.faults[change.version], on)
            else:
                _log.log(level, "version %s: %s/%s", change.outcome, name, change.version)
            if self._observer:
                self._observer(change)
        if now.labels != before.labels:
            _log.log(level, "version labels of %s: %s", name, json.dumps(dict(now.labels)))
        if now.labels_fault and now.labels_fault != before.labels_fault:
            _log.error("version labels not taken: %s", now.labels_fault)

    @property
    def fault(self) -> str | None:
        """Why the folder as a whole could not be read at the last look, in a sentence."""
        return self._fault

    def unready(self) -> str | None:
        """Why not every required model answers, in a sentence; None if each has a version that does."""
        if self._models is None:
            return "the models are being loaded"
        silent = [name for name, model in self._models.items() if not model.versions]
        if missing := [name for name in silent if self._required is None or name in self._required]:
            return f"no version could be loaded of: {', '.join(missing)}"
        return "there is no model to serve" if len(silent) == len(self._models) else None

    def models(self) -> Mapping[str, Model]:
        """Every model on disk by name; raises NotReady while they are being loaded."""
        if self._models is None:
            raise NotReady("the models are being loaded; try again in a moment")
        return self._models

    def model(self, name: str) -> Model:
        """One model; raises UnknownModel or NotReady."""
        models = self.models()
        if name not in models:
            there_are = ", ".join(models) or "none"
            raise UnknownModel(f"there is no model {name!r}{did_you_mean(name, models)}; there are: {there_are}")
        return models[name]

    def get(self, name: str, version: int | None = None, label: str | None = None) -> Classifier:
        """The version of a number or of a label, by default the highest that is loaded.

        Raises UnknownModel, UnknownVersion, UnknownLabel or NotReady.
        """
        model = self.model(name)
        if label is not None:
            return model.versions[_labelled(name, model, label)]
        if version is None and not model.versions:
            raise NotReady(f"no version of model {name!r} could be loaded")
        number = max(model.versions) if version is None else version
        if number in model.versions:
            return model.versions[number]
        if number in model.faults:
            raise NotReady(f"version {number} of model {name!r} could not be loaded")
        known = ", ".join(str(known) for known in sorted(model.versions))
        raise UnknownVersion(f"model {name!r} has no version {number}; it has: {known or 'none'}")


def _labelled(name: str, model: Model, label: str) -> int:
    if label not in model.labels:
        known = ", ".join(model.labels) or "none"
        not_taken = f"; not taken: {model.labels_fault}" if model.labels_fault else ""
        raise UnknownLabel(f"model {name!r} has no version label {label!r}; it has: {known}{not_taken}")
    return model.labels[label]
