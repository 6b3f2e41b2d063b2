"""The files in which workers count, in prometheus_client's format; kept mapped, for opening costs more than reading."""

import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from prometheus_client.mmap_dict import MmapedDict

Entries = Iterable[tuple[str, float]]
"""Key and value of each."""
# Each holds a file open, and a worker has only so many besides its connections (`_OWN_FILES` in server/reception.py).
MOST_MAPPED = 24
_HEADER, _VALUE = struct.Struct("i"), struct.Struct("dd")


class CountFile:
    """One of them: keys are only ever added to it, and a value stays where it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._used = 0
        self._mapped: mmap | None = None

    def entries(self) -> Entries:
        """All that it holds now; nothing where it has gone, or was not begun."""
        if self._mapped is None or self._used != _HEADER.unpack_from(self._mapped)[0]:
            return self._read()
        return zip(self._keys, self._values[self._at].tolist(), strict=True)

    def _read(self) -> Entries:
        try:
            found = self._whole()
        except FileNotFoundError:  # a gauge of a worker that died just now
            return ()
        # Nothing is mapped that is not written yet: on a full disk, whoever touches that is killed.
        if found:
            with suppress(OSError):  # too many files are open
                self._map([key for key, *_ in found], np.array([position for *_, position in found]))
        return [(key, value) for key, value, *_ in found]

    def _map(self, keys: list[str], positions: NDArray[np.int_]) -> None:
        with self._path.open("rb") as file:
            self._mapped = mmap(file.fileno(), 0, access=ACCESS_READ)
        self._keys = keys
        self._values, self._at = np.frombuffer(self._mapped), positions // np.dtype(float).itemsize
        self._used = int(positions[-1]) + _VALUE.size

    def _whole(self) -> list[tuple[str, float, float, int]]:
        """Key, value, time and position of each; a worker that died while it made its file left it empty."""
        if not self._path.stat().st_size:
            return []
        return list(MmapedDict.read_all_values_from_file(str(self._path)))  # type: ignore[no-untyped-call]


class CountFiles:
    """All of a folder, by kind; for one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: Mapping[tuple[str, int], CountFile] = {}

    def entries(self) -> Iterator[tuple[str, Entries]]:
        """The kind of each file, and what it holds now."""
        kept: dict[tuple[str, int], CountFile] = {}
        # By inode too, for a worker may get the number of a dead one; none is given again while its file is mapped.
        for name, inode in self._listed():
            file = self._files.get((name, inode)) or CountFile(self._folder / name)
            if len(kept) < MOST_MAPPED:
                kept[name, inode] = file
            yield kind_of(name), file.entries()
        self._files = kept

    def _listed(self) -> list[tuple[str, int]]:
        try:
            with os.scandir(self._folder) as found:
                return [(file.name, file.inode()) for file in found if file.name.endswith(".db")]
        except FileNotFoundError:
            return []


def kind_of(name: str) -> str:
    """`counter`, `histogram`, `gauge_livesum` and so on: what stands before the worker's number."""
    return name.rpartition("_")[0]


def encoded(entries: Iterable[tuple[str, float]]) -> bytes:
    """A file's bytes; written as a whole, for a full disk kills whoever maps its file and writes there."""
    content = b"".join(_entry(key.encode(), value) for key, value in entries)
    return struct.pack("ii", 8 + len(content), 0) + content


def _entry(key: bytes, value: float) -> bytes:
    padded = key + b" " * (8 - (len(key) + 4) % 8)
    return struct.pack(f"i{len(padded)}sdd", len(key), padded, value, 0.0)
