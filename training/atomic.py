"""Files and folders that appear whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InUse(Exception):
    """Another process holds the folder."""


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to; renames it onto `path` if the block succeeds."""
    # Of this process alone: two that write the same file each replace it whole.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        _sync(part)
        os.replace(part, path)
    except BaseException:
        # A disk that is full must not stay so for what nobody can use.
        part.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def clear(path: Path) -> None:
    """Removes what killed processes left of a `new_file`; the caller holds the folder, and alone writes this file."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replaces a file's text in one step."""
    with new_file(path) as part:
        part.write_text(text)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder beside `path` to fill; renames it to `path` if the block succeeds.

    The caller holds `path.parent` by `exclusive`, so what an interrupted call left there is nobody's and is removed.
    """
    part = path.with_name(f".{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        for written in part.rglob("*"):
            _sync(written)
        _sync(part)
        os.rename(part, path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    _sync(path.parent)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Holds a folder for this process; raises InUse if another one does. A killed process lets go."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InUse(f"{folder} is in use by another process; wait for it or stop it") from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
