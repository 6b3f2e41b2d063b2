"""The processes of a running service, as the system tells them."""

import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.integration.server import Server
from tests.integration.wire import address

_ESTABLISHED = "01"


def parent_of(server: Server) -> int:
    """The number of gunicorn's own process."""
    told = re.findall(r"Listening at: \S+ \((\d+)\)", server.log.read_text())
    return int(told[0]) if told else server.process.pid


def successor_of(server: Server) -> int:
    """The number of the gunicorn that SIGUSR2 has started."""
    return int(re.findall(r"Listening at: \S+ \((\d+)\)", server.log.read_text())[1])


def workers_of(server: Server) -> list[int]:
    """Every worker that was ever started, in order."""
    return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", server.log.read_text())]


def living_workers(server: Server) -> list[int]:
    """Those that have not ended, in order, by /proc."""
    parent, found = parent_of(server), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and _state_and_parent(entry) in [("R", parent), ("S", parent), ("D", parent)]:
            found.append(int(entry.name))
    return sorted(found)


def metrics_folders(server: Server) -> list[Path]:
    """Where a service keeps the metrics of its workers."""
    name = f"squint-metrics-{parent_of(server)}-*"
    return [*Path("/dev/shm").glob(name), *Path(tempfile.gettempdir()).glob(name)]  # noqa: S108


def until(condition: Callable[[], bool]) -> None:
    """Returns when it holds; fails if that takes a minute."""
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def wait_for_workers(server: Server, number: int) -> None:
    """Returns when so many were started in all."""
    until(lambda: len(workers_of(server)) >= number)


def connections_of(server: Server, pid: int) -> int:
    """How many clients' connections a process has open."""
    port = address(server)[1]
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    ours = {
        f"socket:[{row[9]}]" for row in rows if row[3] == _ESTABLISHED and int(row[1].partition(":")[2], 16) == port
    }
    return sum(_target(descriptor) in ours for descriptor in Path(f"/proc/{pid}/fd").iterdir())


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""  # it has been closed since it was listed


def _state_and_parent(process: Path) -> tuple[str, int]:
    try:
        words = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", 0  # it has just ended
    return words[0], int(words[1])
