"""Model files that the parent read before it forked: a worker that loads the same bytes has them without a copy."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_contents: list[bytes] = []


def keep(files: Iterable[Path]) -> None:
    """Reads them for all processes that are forked from now on, in place of those before; what fails is left out."""
    _contents.clear()
    for file in files:
        with suppress(OSError):
            _contents.append(file.read_bytes())


def read(file: Path) -> bytes:
    """What a file holds now; the memory is that of the parent where it held the same. Raises OSError."""
    content = file.read_bytes()
    return next((kept for kept in _contents if kept == content), content)
