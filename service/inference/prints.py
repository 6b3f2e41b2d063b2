"""What a folder looks like from outside: cheap to take, and another one as soon as a file in it is another one."""

import os
from pathlib import Path

from service.manifest import FILE_NAME, LITERT_FILE, SAVED_MODEL_FILE

# By path: inode, size and times of last change; or the number of the error that stands in their place.
Print = frozenset[tuple[str, tuple[int, ...]]]

# The folder itself changes when a file in it comes, goes or is replaced; these when they are written in place.
_TELLING = (".", FILE_NAME, LITERT_FILE, SAVED_MODEL_FILE, "variables", "variables/variables.index")


def of_outline(folder: Path) -> Print:
    """Of those files of a version that nobody changes without the manifest or an engine's file; never raises.

    A fifth of the whole print's cost, for a version that is known to be good.
    """
    return frozenset((name, of_file(f"{folder}/{name}")) for name in _TELLING)


def of_folder(folder: Path) -> Print:
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
