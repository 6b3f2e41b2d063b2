"""A disk without room costs counts, and no worker its life."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.api.telemetry.tally import Dead, Tally
from tests.conftest import REPOSITORY

# A worker that has so much room for its counts: each file is taken in pieces of 64 KiB.
PROGRAM = """
import errno, os, sys
from pathlib import Path

room, fault, real = int(sys.argv[1]), int(sys.argv[3]), os.posix_fallocate

def posix_fallocate(descriptor, start, size):
    global room
    room -= start + size - os.fstat(descriptor).st_size
    if room < 0:
        raise OSError(fault, os.strerror(fault))
    real(descriptor, start, size)

os.posix_fallocate = posix_fallocate
from service.api.telemetry import reserved
from service.api.telemetry.tally import Tally
reserved.install()
from service.api.telemetry.metrics import Metrics
metrics = Metrics()
for number in range(int(sys.argv[2])):
    metrics._requests.labels("GET", f"/{number}", "200").inc()
print(Tally(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])).text())
"""


def counted(folder: Path, room: int, routes: int, fault: int = errno.ENOSPC) -> subprocess.CompletedProcess[str]:
    """What a worker that counts so many routes tells of itself."""
    command = [sys.executable, "-c", PROGRAM, str(room), str(routes), str(fault)]
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot take room on a disk")
@pytest.mark.parametrize(
    ("room", "fewest", "most", "told"), [(2**30, 2000, 2000, False), (2**18, 200, 1999, True), (0, 0, 0, True)]
)
def test_what_finds_no_room_is_not_shared_and_told_once(
    tmp_path: Path, room: int, fewest: int, most: int, told: bool
) -> None:
    """2000 routes need 256 KiB for the counters alone."""
    result = counted(tmp_path, room, 2000)
    assert fewest <= result.stdout.count("squint_http_requests_total{") <= most
    assert result.stderr.count("missing from /metrics: [Errno 28]") == told


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot take room on a disk")
def test_a_file_system_that_cannot_take_room_is_counted_on_all_the_same(tmp_path: Path) -> None:
    result = counted(tmp_path, 0, 2000, errno.EOPNOTSUPP)
    assert result.stdout.count("squint_http_requests_total{") == 2000 and not result.stderr


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot take room on a disk")
def test_the_room_is_taken_before_it_is_needed(tmp_path: Path) -> None:
    counted(tmp_path, 2**30, 1)
    files = list(tmp_path.glob("*.db"))
    assert files and all(file.stat().st_blocks * 512 >= file.stat().st_size >= 2**16 for file in files)


def test_a_folder_that_is_gone_holds_no_counts_and_is_no_error(tmp_path: Path) -> None:
    assert Tally(tmp_path / "gone").text().strip() == ""


def test_a_disk_that_refuses_does_not_reach_who_buries_the_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    (tmp_path / "gauge_livesum_7.db").touch()
    monkeypatch.setattr(os, "remove", refuse)
    Dead(tmp_path).bury(7)
