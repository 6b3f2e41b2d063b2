"""The files in which workers count, with their room on the disk taken before they are mapped.

The system ends a process, by SIGBUS, that touches a page of a mapped file for which the disk has no room.
"""

import errno
import logging
import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import IO

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

_log = logging.getLogger(__name__)
_FIRST_BYTES = 2**16
# Around a key: its length, its padding, and the value with its time.
_MOST_BESIDES_A_KEY = 32


def install() -> None:
    """Has prometheus_client, in this process, count in such files, and in memory where there is no room for them."""
    values.MmapedDict = _Reserved  # type: ignore[attr-defined, assignment]
    values.ValueClass = partial(_value, values.ValueClass)


def _value(shared: Callable[..., object], *args: object, **named: object) -> object:
    """A value that every worker's `/metrics` holds, or where the disk refuses, one that only this worker knows."""
    try:
        return shared(*args, **named)
    except OSError as error:
        _tell(str(error))
        return values.MutexValue(*args, **named)  # type: ignore[no-untyped-call]


@cache
def _tell(reason: str) -> None:
    """Once a reason: every value would say it again."""
    _log.error("some counts of this worker are missing from /metrics: %s", reason)


class _Reserved(MmapedDict):
    def __init__(self, filename: str) -> None:
        with Path(filename).open("ab") as file:
            _take(file, _FIRST_BYTES)
        super().__init__(filename)  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        if self._used + len(key.encode()) + _MOST_BESIDES_A_KEY > self._capacity:
            _take(self._f, 2 * self._capacity)
        super()._init_value(key)  # type: ignore[no-untyped-call]


def _take(file: IO[bytes], size: int) -> None:
    """Raises OSError where there is no room. Not every file system can tell; what is taken already stays as it is."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
