"""Predictions offline: files to answers by the code that serves, and these as lines for programs and for people."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from service import answer
from service.errors import Fault, ImageFault
from service.images.decode import Limits, decode
from service.images.kinds import Prepared
from service.images.steps import Step
from service.inference.classifier import Classifier, Prediction
from service.inference.registry import Registry
from service.settings import Settings

STDIN = "-"


class UnreadableFile(Fault):
    """A file cannot be opened; the sentence says why."""

    code = "unreadable_file"


class Source(NamedTuple):
    """A file by its name, with what is in it where that has been read."""

    file: str
    content: bytes | None = None


def open_model(settings: Settings, name: str, version: int | None) -> Classifier:
    """The version that the service would answer with; raises UnknownModel, UnknownVersion, NotReady or ModelFault."""
    registry = Registry(settings.models_dir, settings.engine, threads=1)
    registry.load(only=name)
    return registry.get(name, version)


def find(paths: Iterable[str]) -> Iterator[Source]:
    """The files named, and those in the folders named, deeper ones too, in the order of their names.

    Folders are read as they are come to, so that no list of all files is ever held.
    """
    for path in paths:
        if path == STDIN:
            yield Source(STDIN, sys.stdin.buffer.read())
        else:
            below = _below(path) if path else iter(())
            # A folder without a file is answered as what it is, a file that cannot be read.
            yield next(below, Source(path))
            yield from below


def _below(path: str) -> Iterator[Source]:
    """What is not hidden, or the path itself where it cannot be looked into; links to folders are not followed."""
    try:
        with os.scandir(Path(path)) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError:
        yield Source(path)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)
        elif entry.is_file():
            yield Source(entry.path)


def _read(source: Source) -> bytes:
    if source.content is not None:
        return source.content
    try:
        if source.file and Path(source.file).is_dir():
            raise UnreadableFile(_why_nothing_is_below(source.file))
        return Path(source.file).read_bytes()
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror}") from error


def _why_nothing_is_below(folder: str) -> str:
    os.scandir(folder).close()
    return "a folder that holds no files"


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
        self._model = open_model(asked.settings, asked.model, asked.version)
        # Of this version from now on, whatever is published in the meantime.
        self.asked = asked._replace(version=self._model.manifest.version)
        self._labels = self._model.manifest.labels
        chosen = asked.settings
        self._limits = Limits(chosen.max_image_bytes, chosen.max_image_pixels, chosen.max_frames)
        if asked.top_k and asked.top_k > len(self._labels):
            raise TooManyLabels(f"{asked.model} has {len(self._labels)} labels")

    @property
    def folder(self) -> Path:
        """Where the version lies."""
        return self._model.folder

    def line(self, source: Source) -> Line:
        """The line of one file, by what the service would answer to its upload."""
        try:
            prepared = self._model.prepare(decode(_read(source), self._limits))
        except (ImageFault, UnreadableFile) as fault:
            return self._failure(source.file, fault)
        except MemoryError:
            return self._failure(source.file, UnreadableFile("needs more memory than there is"))
        (prediction,) = self._model.classify([prepared])
        tell = self._json if self.asked.as_json else self._text
        return Line(tell(source.file, prepared, prediction), failed=False)

    def _failure(self, file: str, fault: Fault) -> Line:
        if self.asked.as_json:
            error = {"code": fault.code, "detail": fault.text}
            return Line(json.dumps({"file": file, "error": error}), failed=True)
        return Line(f"{_printable(file)}: {fault.text}", failed=True)

    def _json(self, file: str, prepared: Prepared, prediction: Prediction) -> str:
        """One line of JSON: the file and the service's answer."""
        line = {"file": file} | answer.of(self._labels, prediction, self.asked.top_k)
        return json.dumps(line | ({"seen": answer.seen(prepared)} if self.asked.seen else {}))

    def _text(self, file: str, prepared: Prepared, prediction: Prediction) -> str:
        """The file, its label and probability; then what else was asked for."""
        probabilities = prediction.probabilities
        best = (-probabilities).argsort(kind="stable")[: self.asked.top_k or 1].tolist()
        told = ", ".join(f"{self._labels[index]} {probabilities[index]:.2%}" for index in best)
        lines = [f"{_printable(file)}: {told}", *_indented("warning", prediction.warnings)]
        return "\n".join(lines + (_indented("seen", prepared.steps) if self.asked.seen else []))


def _printable(file: str) -> str:
    """A file's name, which need not be text."""
    return os.fsencode(file).decode(errors="replace")


def _indented(word: str, steps: Sequence[Step]) -> list[str]:
    return [f"  {word}: {step.text}" for step in steps]
