"""Folder fingerprints from stat data: cheap to compute, and another one whenever a file below changes."""

import os
from pathlib import Path

# By path: inode, size and times of last change; or the number of the error that stands in their place.
Fingerprint = frozenset[tuple[str, tuple[int, ...]]]


def of_folder(folder: Path) -> Fingerprint:
    """Of a folder and everything below it; never raises."""
    found = [(".", of_file(folder))]
    _look(str(folder), "", found)
    return frozenset(found)


def of_file(path: str | Path | os.DirEntry[str]) -> tuple[int, ...]:
    """Of one file, whether it is there or not; never raises."""
    try:
        stated = os.stat(path)  # noqa: PTH116  half the cost of a Path's own
    except OSError as error:
        return (error.errno or 0,)
    # Contents can be overwritten in place with the times of the original; ctime tells even then.
    return stated.st_ino, stated.st_size, stated.st_mtime_ns, stated.st_ctime_ns


def _look(folder: str, prefix: str, found: list[tuple[str, tuple[int, ...]]]) -> None:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                found.append((prefix + entry.name, of_file(entry)))
                # As the digests are taken: links are followed to files, not to folders.
                if entry.is_dir(follow_symlinks=False):
                    _look(entry.path, f"{prefix}{entry.name}/", found)
    except OSError as error:
        found.append((prefix, (error.errno or 0,)))
