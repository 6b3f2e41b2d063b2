"""What all workers counted; for the dead it is added up in one file a kind, so that the files stay few."""

import fcntl
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from operator import add
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from prometheus_client import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from service.api.telemetry import exposition
from service.api.telemetry.count_files import CountFile, CountFiles, Entries, encoded

# How several workers' values for a key are put together, by the kind of file; the `live` ones end with their worker.
Together = Callable[[float, float], float]
_TOGETHER: dict[str, Together] = {
    "counter": add,
    "histogram": add,
    "summary": add,
    "gauge_livesum": add,
    "gauge_livemin": min,
    "gauge_max": max,
}
_LOCK = "lock"


class Tally(Collector):
    """What all workers counted, dead ones included; for any number of threads."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._files = folder, CountFiles(folder)
        self._one_at_a_time = Lock()

    def text(self) -> str:
        """Every metric, once, in Prometheus' text format."""
        with self._one_at_a_time, _reading(self._folder):
            return exposition.render(_put_together(self._files.entries()))

    def collect(self) -> Iterable[Metric]:
        """Every metric, once, for programs."""
        with _reading(self._folder):
            files = [str(path) for path in self._folder.glob("*.db") if _holds_anything(path)]
            metrics: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
            return metrics


class Dead:
    """The dead workers whose counts have yet to be added up; for the process that outlives them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._pids = folder, set[int]()

    def bury(self, pid: int, living: Iterable[int] = ()) -> None:
        """Closes a dead worker's gauges, and adds its counts to those of the dead before it.

        Never waits: what is being read now, or cannot be written, is added up with the next one.
        """
        # An error of the disk must not reach gunicorn's parent, which would end the service for it.
        with suppress(OSError):
            mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]
        # The system may have given the number of one that is still to be added up to a new worker, which counts on.
        self._pids = (self._pids | {pid}).difference(living)
        with _alone(self._folder) as alone:
            if alone:
                for kind in _TOGETHER:
                    _add_up(self._folder, kind, self._pids)
                self._pids.clear()


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Nobody adds up for as long as the block runs."""
    with ExitStack() as held:
        # Where it cannot be opened, the folder being gone or read-only, nobody else can add up either.
        with suppress(OSError):
            lock = held.enter_context((folder / _LOCK).open("ab"))
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether nobody reads for as long as the block runs; an error of the disk ends the block."""
    try:
        with (folder / _LOCK).open("ab") as lock:
            yield _locked(lock)
    except OSError:
        pass


def _locked(lock: BinaryIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holds_anything(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _put_together(counted: Iterable[tuple[str, Entries]]) -> dict[str, dict[str, float]]:
    """The values of all files by kind and key."""
    values: dict[str, dict[str, float]] = {}
    for kind, entries in counted:
        of_kind, together = values.setdefault(kind, {}), _TOGETHER[kind]
        for key, value in entries:
            of_kind[key] = together(of_kind[key], value) if key in of_kind else value
    return values


def _add_up(folder: Path, kind: str, pids: Iterable[int]) -> None:
    """Replaces the files of the dead by one; written beside and renamed, so that nothing is lost."""
    dead = [path for path in (folder / f"{kind}_{pid}.db" for pid in pids) if path.exists()]
    if not dead:
        return
    total, beside = folder / f"{kind}_dead.db", folder / f"{kind}_dead.new"
    values = _put_together((kind, CountFile(path).entries()) for path in (total, *dead))
    beside.write_bytes(encoded(values.get(kind, {}).items()))
    beside.replace(total)
    for path in dead:
        path.unlink()
