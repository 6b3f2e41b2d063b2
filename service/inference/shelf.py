"""One model's folder and what of it is in memory, kept in step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from service.errors import Fault, ModelFault
from service.inference import classifier, fingerprint, folders, version_labels
from service.inference.classifier import Classifier
from service.inference.fingerprint import Fingerprint


@dataclass(frozen=True)
class Model:
    """One model's versions.

    `versions` are those that answer, by number; `faults` say what is wrong with what lies on disk. A version may have
    both: its files were changed to bad ones, and those loaded before serve on. `labels` name versions that answer.
    """

    versions: Mapping[int, Classifier] = field(default_factory=dict)
    faults: Mapping[int, str] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    labels_fault: str | None = None


class Change(NamedTuple):
    """What became of a version, and whether it answers now."""

    model: str
    version: int
    outcome: Literal["loaded", "failed", "removed"]
    ready: bool


class Renewed(NamedTuple):
    """A model as its folder now has it, and what became of its versions; the same object if nothing changed."""

    model: Model
    changes: tuple[Change, ...]


class _Kept(NamedTuple):
    """A version as it was last judged: how its folder looked, and what came of it."""

    seen: Fingerprint
    classifier: Classifier | None
    fault: str | None


class _Labelled(NamedTuple):
    """The labels as they were last read: of which file, for which versions, and what came of it."""

    seen: object = None
    labels: Mapping[str, int] = {}
    fault: str | None = None


class Shelf:
    """Loads what appears in a model's folder and lets go of what is gone; for one thread."""

    def __init__(self, home: Path, wanted_engine: str, threads: int) -> None:
        self._home, self._wanted_engine, self._threads = home, wanted_engine, threads
        self._kept: dict[int, _Kept] = {}
        # How folders looked that have changed and may not be whole yet.
        self._moving: dict[int, Fingerprint] = {}
        self._labelled = _Labelled()
        self._doubted: object = None
        self._model = Model()
        self._changes: list[Change] = []

    def renew(self, numbers: Sequence[int], *, at_once: bool) -> Renewed:
        """The model with these versions on disk.

        Unless `at_once`, what changed is judged when it looks the same at two calls: a folder that is being copied is
        left alone until it is whole. What was found bad is judged again only when it changes.
        """
        for number in self._kept.keys() - set(numbers):
            self._remove(number)
        self._moving = {number: seen for number, seen in self._moving.items() if number in numbers}
        for number in numbers:
            if at_once or self._has_settled(number):
                self._judge(number)
        self._label(at_once)
        changes, self._changes = tuple(self._changes), []
        return Renewed(self._renewed(), changes)

    def _remove(self, number: int) -> None:
        del self._kept[number]
        self._changes.append(Change(self._home.name, number, "removed", ready=False))

    def _has_settled(self, number: int) -> bool:
        """Whether a version is another one than that judged, and was so at the last call already."""
        folder, kept = self._home / str(number), self._kept.get(number)
        seen = fingerprint.of_folder(folder)
        if kept and kept.seen == seen:
            self._moving.pop(number, None)
            return False
        before, self._moving[number] = self._moving.get(number), seen
        return before == seen

    def _judge(self, number: int) -> None:
        folder, kept = self._home / str(number), self._kept.get(number)
        before = kept.classifier if kept else None
        seen = fingerprint.of_folder(folder)
        now, fault = before, None
        try:
            now = self._load(folder, before)
            if fingerprint.of_folder(folder) != seen:
                raise ModelFault(f"{folder}: was changed while it was loaded")
        except Exception as error:  # whatever is wrong with one version, the others are looked at
            now, fault = before, error.text if isinstance(error, Fault) else f"{folder}: {error!r}"
        self._kept[number] = _Kept(seen, now, fault)
        self._moving.pop(number, None)
        if fault or now is not before:
            outcome: Literal["failed", "loaded"] = "failed" if fault else "loaded"
            self._changes.append(Change(self._home.name, number, outcome, ready=now is not None))

    def _load(self, folder: Path, before: Classifier | None) -> Classifier:
        """What the folder holds; what is loaded if it holds the very same files."""
        found = folders.examine(folder, self._wanted_engine)
        if before and before.manifest == found.manifest:
            return before
        return classifier.load(*found, self._threads)

    def _label(self, at_once: bool) -> None:
        versions = frozenset(number for number, kept in self._kept.items() if kept.classifier)
        seen = (fingerprint.of_file(self._home / version_labels.FILE_NAME), versions)
        if seen == self._labelled.seen:
            return
        try:
            self._labelled = _Labelled(seen, version_labels.read(self._home, versions))
            self._doubted = None
        except ModelFault as error:
            kept = {label: version for label, version in self._labelled.labels.items() if version in versions}
            self._labelled = self._labelled._replace(labels=kept)
            # A version may be on its way that the file names already, or the file be half written.
            if at_once or (not self._moving and self._doubted == seen):
                self._labelled = _Labelled(seen, kept, error.text)
            self._doubted = seen

    def _renewed(self) -> Model:
        versions = {number: kept.classifier for number, kept in sorted(self._kept.items()) if kept.classifier}
        faults = {number: kept.fault for number, kept in sorted(self._kept.items()) if kept.fault}
        model = Model(versions, faults, self._labelled.labels, self._labelled.fault)
        if model != self._model:
            self._model = model
        return self._model
