"""A server's processes as the kernel sees them: which they are, the memory they hold and the time they computed."""

import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_STOP_WITHIN_S = 10.0


class Process(NamedTuple):
    """A process that lives; its number could be another's later, its start tells them apart."""

    pid: int
    parent: int
    started: int
    computed_s: float


def _read(pid: int) -> Process | None:
    try:
        # The command stands in brackets and may hold anything; the numbers follow.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Process(pid, int(fields[1]), int(fields[19]), (int(fields[11]) + int(fields[12])) / _TICKS_PER_S)


def tree(root: int) -> list[Process]:
    """A process and all that descend from it, as they are now."""
    everyone = [found for path in _PROC.iterdir() if path.name.isdecimal() and (found := _read(int(path.name)))]
    children: defaultdict[int, list[Process]] = defaultdict(list)
    for process in everyone:
        children[process.parent].append(process)
    members = [process for process in everyone if process.pid == root]
    for process in members:  # grows while it is walked
        members += children[process.pid]
    return members


def pss_bytes(processes: Iterable[Process]) -> int:
    """Their memory, what several share counted once: the sum of their proportional set sizes."""
    return sum(_pss_bytes(process.pid) for process in processes)


def _pss_bytes(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def computed_s(processes: Iterable[Process]) -> float:
    """Seconds of a core that they used since their starts."""
    return sum(process.computed_s for process in processes)


class Server:
    """A started command with all that it starts."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        with log.open("wb") as file:
            self._process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=file, stderr=file)
        self.started = time.perf_counter()

    def tree(self) -> list[Process]:
        """Its processes now."""
        return tree(self._process.pid)

    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Asks it to end, and ends what is left of it by force."""
        members = self.tree()
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for process in members:
            if (now := _read(process.pid)) and now.started == process.started:
                os.kill(process.pid, signal.SIGKILL)
