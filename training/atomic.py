"""Files and folders that appear whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.atomic import new_file, sync

__all__ = ["InUse", "clear", "exclusive", "new_file", "new_folder", "write_text"]


class InUse(Exception):
    """Another process holds the folder."""


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
            sync(written)
        sync(part)
        os.rename(part, path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync(path.parent)


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
