"""The memory of a running service over time."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import linear_regression, median
from threading import Event

import pytest

from tests.integration.processes import living_workers, parent_of
from tests.integration.server import Server
from tests.reliability.beside import beside

_EVERY_S = 0.25


def needs_proc() -> None:
    """Skips where the system does not tell it."""
    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("this system does not tell a process' memory in /proc")


class Memory:
    """Samples of what all processes of a service take together, in MiB; what they share counts once."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.times: list[float] = []
        self.sizes: list[float] = []

    @contextmanager
    def watched(self) -> Iterator["Memory"]:
        """Samples until the end of the block."""
        with beside(self._run):
            yield self

    def growth(self) -> float:
        """MiB from the second quarter to the last; the first is warming up."""
        quarter = max(1, len(self.sizes) // 4)
        return median(self.sizes[-quarter:]) - median(self.sizes[quarter : 2 * quarter] or self.sizes)

    def slope(self) -> float:
        """MiB a minute over the last three quarters."""
        start = len(self.sizes) // 4
        return 60 * linear_regression(self.times[start:], self.sizes[start:]).slope

    def _run(self, stop: Event) -> None:
        while not stop.is_set():
            self.sizes.append(size_mib(self._server))
            self.times.append(time.monotonic())
            stop.wait(_EVERY_S)


def size_mib(server: Server) -> float:
    """The proportional set size of all processes of a service."""
    return sum(map(_pss_mib, [parent_of(server), *living_workers(server)]))


@contextmanager
def peak(server: Server) -> Iterator[list[float]]:
    """Adds, at the end of the block, the most MiB that a worker held in it beyond what all held before."""
    workers, told = living_workers(server), list[float]()
    before = {pid: _status_mib(pid, "VmRSS") for pid in workers}
    for pid in workers:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # forgets the peak so far
    yield told
    told.append(max(_status_mib(pid, "VmHWM") - before[pid] for pid in workers))


def files_and_threads(server: Server) -> tuple[int, int]:
    """How many files and threads all workers have together."""
    return _entries(server, lambda pid: f"/proc/{pid}/fd"), _entries(server, lambda pid: f"/proc/{pid}/task")


def _entries(server: Server, folder: Callable[[int], str]) -> int:
    return sum(len(list(Path(folder(pid)).iterdir())) for pid in living_workers(server))


def _pss_mib(pid: int) -> float:
    try:
        return _told_mib(f"/proc/{pid}/smaps_rollup", "Pss")
    except OSError:
        return 0.0  # it has just ended


def _status_mib(pid: int, name: str) -> float:
    return _told_mib(f"/proc/{pid}/status", name)


def _told_mib(file: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(file).read_text(), re.MULTILINE)
    return int(found.group(1)) / 1024 if found else 0.0
