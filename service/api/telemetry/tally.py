"""The files in which workers count, kept few: what dead workers counted is added up in one file a kind."""

import fcntl
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from operator import add
from pathlib import Path
from typing import BinaryIO

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from service.api.telemetry import exposition

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


class WholeTally(Collector):
    """What all workers counted, dead ones included, for programs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Every metric, once."""
        with _reading(self._folder):
            files = [str(path) for path in _begun(self._folder)]
            metrics: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
            return metrics


def text(folder: Path) -> str:
    """What all workers counted, dead ones included, in Prometheus' text format."""
    with _reading(folder):
        return exposition.render(_put_together(_begun(folder)))


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


def _begun(folder: Path) -> list[Path]:
    """The files that hold anything; a worker that died while it made one left it empty."""
    return [path for path in folder.glob("*.db") if _holds_anything(path)]


def _holds_anything(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _put_together(files: Iterable[Path]) -> dict[str, dict[str, float]]:
    """The values of all files by kind and key."""
    values: dict[str, dict[str, float]] = {}
    for file in files:
        kind = file.name.rpartition("_")[0]
        of_kind, together = values.setdefault(kind, {}), _TOGETHER[kind]
        for key, value, *_ in _entries(file):
            of_kind[key] = together(of_kind[key], value) if key in of_kind else value
    return values


def _entries(file: Path) -> Iterable[tuple[str, float, float, int]]:
    """Key, value, time and position of each; read as a whole before the first is given."""
    try:
        found: Iterable[tuple[str, float, float, int]] = MmapedDict.read_all_values_from_file(str(file))  # type: ignore[no-untyped-call]
    except FileNotFoundError:
        return ()  # a gauge of a worker that died just now
    return found


def _add_up(folder: Path, kind: str, pids: Iterable[int]) -> None:
    """Replaces the files of the dead by one; written beside and renamed, so that nothing is lost."""
    dead = [path for path in (folder / f"{kind}_{pid}.db" for pid in pids) if path.exists()]
    if not dead:
        return
    total, beside = folder / f"{kind}_dead.db", folder / f"{kind}_dead.new"
    values = _put_together(path for path in [total, *dead] if _holds_anything(path))
    beside.write_bytes(_encoded(list(values.get(kind, {}).items())))
    beside.replace(total)
    for path in dead:
        path.unlink()


def _encoded(values: Sequence[tuple[str, float]]) -> bytes:
    """The format of prometheus_client's files; written as a whole, for a full disk kills whoever maps its file."""
    entries = b"".join(_entry(key.encode(), value) for key, value in values)
    return struct.pack("ii", 8 + len(entries), 0) + entries


def _entry(key: bytes, value: float) -> bytes:
    padded = key + b" " * (8 - (len(key) + 4) % 8)
    return struct.pack(f"i{len(padded)}sdd", len(key), padded, value, 0.0)
