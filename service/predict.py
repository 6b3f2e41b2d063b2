"""Predictions offline: files to answers, by the code that serves."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from service.errors import Fault, ImageFault
from service.images.decode import Limits, decode
from service.images.kinds import Prepared
from service.inference.classifier import Classifier, Prediction
from service.inference.registry import Registry
from service.settings import Settings

STDIN = "-"


class UnreadableFile(Fault):
    """A file cannot be opened; the sentence says why."""

    code = "unreadable_file"


class Answered(NamedTuple):
    """A file, and what was predicted of it or why nothing was."""

    file: str
    prepared: Prepared | None = None
    prediction: Prediction | None = None
    fault: Fault | None = None


def open_model(settings: Settings, name: str, version: int | None) -> Classifier:
    """The version that the service would answer with; raises UnknownModel, UnknownVersion, NotReady or ModelFault."""
    registry = Registry(settings.models_dir, settings.engine, threads=1)
    registry.load(only=name)
    return registry.get(name, version)


def find(paths: Sequence[str]) -> Iterator[str]:
    """The files named, and those in the folders named, deeper ones too, in the order of their names."""
    for path in paths:
        # A folder without a file is answered as what it is, a file that cannot be read.
        yield from (_below(Path(path)) if path not in (STDIN, "") else []) or [path]


def _below(folder: Path) -> list[str]:
    """What is not hidden; nothing if this is no folder, or none that can be looked into."""
    try:
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    except OSError:
        return []
    return [str(file) for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts)]


def answer(model: Classifier, file: str, limits: Limits) -> Answered:
    """What the service would answer to an upload of this file."""
    try:
        prepared = model.prepare(decode(_read(file), limits))
    except (ImageFault, UnreadableFile) as fault:
        return Answered(file, fault=fault)
    except MemoryError:
        return Answered(file, fault=UnreadableFile("needs more memory than there is"))
    return Answered(file, prepared, model.classify([prepared])[0])


def _read(file: str) -> bytes:
    try:
        if file not in (STDIN, "") and Path(file).is_dir():
            raise UnreadableFile("a folder that holds no files")
        return sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror}") from error
