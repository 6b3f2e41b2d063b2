"""Predictions offline: files to answers, by the code that serves."""

import os
import sys
from collections.abc import Iterable, Iterator
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


class Source(NamedTuple):
    """A file by its name, with what is in it where that has been read."""

    file: str
    content: bytes | None = None


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


def limits(settings: Settings) -> Limits:
    """What a single picture may be."""
    return Limits(settings.max_image_bytes, settings.max_image_pixels, settings.max_frames)


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


def answer(model: Classifier, source: Source, limits: Limits) -> Answered:
    """What the service would answer to an upload of this file."""
    try:
        prepared = model.prepare(decode(_read(source), limits))
    except (ImageFault, UnreadableFile) as fault:
        return Answered(source.file, fault=fault)
    except MemoryError:
        return Answered(source.file, fault=UnreadableFile("needs more memory than there is"))
    return Answered(source.file, prepared, model.classify([prepared])[0])


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
