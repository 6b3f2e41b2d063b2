"""The files in which workers count, in prometheus_client's format; their keys are not parsed again at every scrape."""

import os
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

Entries = Iterable[tuple[str, float]]
"""Key and value of each."""
_INT = struct.Struct("i")
_BEGIN_BYTES = _WORD_BYTES = 8


class CountFile:
    """One of them, and how it was laid out when it was read last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: list[str] = []
        self._values_at = np.empty(0, np.intp)
        self._rest = b""

    def entries(self) -> Entries:
        """All that it holds now; nothing where it has gone, or was not begun."""
        content = self._content()
        # Keys are only ever added; but a new worker may get the number, and so the file's name, of a dead one.
        if len(content) != len(self._rest) or self._without_values(content) != self._rest:
            self._lay_out(content)
        return zip(self._keys, np.frombuffer(content)[self._values_at].tolist(), strict=True)

    def _content(self) -> bytes:
        """A worker that died while it made its file left it empty; its gauges go with it."""
        try:
            with self._path.open("rb", buffering=0) as file:
                content = file.read()
        except FileNotFoundError:
            return b""
        return content[: _INT.unpack_from(content)[0]] if content else b""

    def _without_values(self, content: bytes) -> bytes:
        words = np.frombuffer(content, np.uint64).copy()
        words[self._values_at] = 0
        return words.tobytes()

    def _lay_out(self, content: bytes) -> None:
        found = list(_keys(content))
        self._keys = [sys.intern(key) for key, _ in found]
        self._values_at = np.array([place for _, place in found], np.intp)
        self._rest = self._without_values(content)


def _keys(content: bytes) -> Iterator[tuple[str, int]]:
    """Each key, and which word of the content is its value; the next is a time."""
    position = _BEGIN_BYTES
    while position < len(content):
        size = _padded_bytes(key_bytes := _INT.unpack_from(content, position)[0])
        start = position + _INT.size
        position += size
        yield content[start : start + key_bytes].decode(), position // _WORD_BYTES
        position += 2 * _WORD_BYTES


def _padded_bytes(key_bytes: int) -> int:
    """Of a key with its length before it: up to the next word, and always with a space."""
    return (_INT.size + key_bytes) // _WORD_BYTES * _WORD_BYTES + _WORD_BYTES


class CountFiles:
    """All of a folder, by kind; for one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, CountFile] = {}

    def entries(self) -> Iterator[tuple[str, Entries]]:
        """The kind of each file, and what it holds now."""
        self._files = {name: self._files.get(name) or CountFile(self._folder / name) for name in self._names()}
        for name, file in self._files.items():
            yield kind_of(name), file.entries()

    def _names(self) -> list[str]:
        try:
            with os.scandir(self._folder) as found:
                return [file.name for file in found if file.name.endswith(".db")]
        except FileNotFoundError:
            return []


def kind_of(name: str) -> str:
    """`counter`, `histogram`, `gauge_livesum` and so on: what stands before the worker's number."""
    return name.rpartition("_")[0]


def encoded(entries: Iterable[tuple[str, float]]) -> bytes:
    """A file's bytes; written as a whole, for a full disk kills whoever maps its file and writes there."""
    content = b"".join(_entry(key.encode(), value) for key, value in entries)
    return struct.pack("ii", _BEGIN_BYTES + len(content), 0) + content


def _entry(key: bytes, value: float) -> bytes:
    padded = (_INT.pack(len(key)) + key).ljust(_padded_bytes(len(key)))
    return padded + struct.pack("dd", value, 0.0)
