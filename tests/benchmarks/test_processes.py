"""A server is all of its processes, and none is left when it is stopped."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.processes import Server, computed_s, pss_bytes, tree

_PARENT = """
import subprocess, sys, time
code = "import time; data = b'x' * 50_000_000; print(1, flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", code])
end = time.process_time() + 0.1
while time.process_time() < end:
    pass
print(2, flush=True)
time.sleep(60)
"""


def _started(log: Path) -> Server:
    server = Server([sys.executable, "-c", _PARENT], {}, log)
    _until(lambda: len(log.read_text().split()) == 2)
    return server


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_memory_and_time_are_those_of_the_children_too(tmp_path: Path) -> None:
    server = _started(tmp_path / "log")
    try:
        members = server.tree()
        assert len(members) == 2
        assert pss_bytes(members) > 50_000_000 > pss_bytes(members[:1])
        assert computed_s(members) >= 0.1
    finally:
        server.stop()


def test_stopping_ends_the_children_of_one_that_ignores_it(tmp_path: Path) -> None:
    server = _started(tmp_path / "log")
    members = server.tree()
    server.stop()
    assert server.exit_status() is not None
    _until(lambda: not any(tree(member.pid) for member in members))
