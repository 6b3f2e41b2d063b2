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
        if path != STDIN and Path(path).is_dir():
            yield from (str(file) for file in sorted(Path(path).rglob("[!.]*")) if file.is_file())
        else:
            yield path


def answer(model: Classifier, file: str, limits: Limits) -> Answered:
    """What the service would answer to an upload of this file."""
    try:
        prepared = model.prepare(decode(_read(file), limits))
    except (ImageFault, UnreadableFile) as fault:
        return Answered(file, fault=fault)
    return Answered(file, prepared, model.classify([prepared])[0])


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror}") from error
