"""A disk is full or read-only."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service import manifest as contract
from tests.conftest import REPOSITORY, golden
from tests.integration.crowd import PREDICT, Crowd
from tests.integration.processes import living_workers, until
from tests.integration.server import COMMAND, running, start
from tests.integration.test_watching import total
from tests.reliability import account, disks
from tests.reliability.conftest import Tell
from tests.tiny.datasets import tiny

pytestmark = pytest.mark.reliability
METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
ROOM_KIB = 2048


def test_a_start_without_room_for_metrics_ends_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with disks.small(tmp_path / "disk", ROOM_KIB) as disk:
        monkeypatch.setenv(METRICS_DIR, str(disk))
        disks.fill(disk)
        server = start(tmp_path / "log", workers=2)
        assert server.process.wait(60) == 1
    (line,) = [line for line in server.log.read_text().splitlines() if not line.startswith("{")]
    assert line.startswith(f"squint: {METRICS_DIR}='{disk}': has no room for metrics")


def test_a_service_recovers_once_there_is_room_for_metrics_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tell: Tell
) -> None:
    """Without room, the kernel ends workers that count (SIGBUS); the parent goes on."""
    with disks.small(tmp_path / "disk", ROOM_KIB) as disk:
        monkeypatch.setenv(METRICS_DIR, str(disk))
        with running(tmp_path / "log", workers=2) as server:
            disks.fill(disk)
            os.kill(living_workers(server)[0], signal.SIGKILL)
            until(lambda: "SIGBUS" in server.log.read_text())
            (disk / "fill").unlink()
            until(lambda: total(server, "squint_workers") == 2)
            assert {server.post(PREDICT, golden())[0] for _ in range(20)} == {200}
            tell(f"{server.log.read_text().count('SIGBUS')} workers ended by SIGBUS")


@pytest.mark.parametrize("place", ["read-only", "absent"])
def test_a_metrics_folder_that_cannot_be_written_ends_the_start_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with disks.small(tmp_path / "read-only", ROOM_KIB) as disk:
        disks.mounted("-o", "remount,ro", str(disk))
        monkeypatch.setenv(METRICS_DIR, str(tmp_path / place))
        server = start(tmp_path / "log")
        assert server.process.wait(60) == 1
    (line,) = [line for line in server.log.read_text().splitlines() if not line.startswith("{")]
    assert line == f"squint: {METRICS_DIR}='{tmp_path / place}': is no folder that can be written to"


def test_only_tmp_need_be_writable_and_64_mib_of_it_are_enough(tmp_path: Path, tell: Tell) -> None:
    command = disks.without_anything_writable("mount -t tmpfs -o size=64m tmpfs /tmp")
    with running(tmp_path / "log", [*command, *COMMAND], workers=2) as server:
        with Crowd(server, 4).asking() as crowd:
            crowd.wait_for(200)
        assert server.get("/metrics")[1].count("squint_workers 2.0") == 1
    tell(account.told(crowd))
    account.check(crowd)


def test_where_nothing_can_be_written_the_start_ends_with_one_line(tmp_path: Path) -> None:
    nowhere = "mount -t tmpfs -o ro tmpfs /tmp"
    server = start(tmp_path / "log", [*disks.without_anything_writable(nowhere), *COMMAND])
    assert server.process.wait(60) == 1
    (line,) = server.log.read_text().splitlines()
    assert line.startswith("squint: no folder can be made for the metrics: ")


# From where not even the first checkpoint fits to where only the last figure does not.
ROOMS_KIB = (8, 24, 60, 120, 180, 250)


def train(place: Path, runs: Path) -> subprocess.CompletedProcess[str]:
    words = ["train", "tiny", "--epochs", "3", "--data-dir", str(place), "--runs-dir", str(runs)]
    return subprocess.run([sys.executable, "-m", "tests.tiny", *words], cwd=REPOSITORY, capture_output=True, text=True)


def test_a_training_that_finds_no_room_goes_on_when_there_is_some(tmp_path: Path, tell: Tell) -> None:
    tiny.write(tmp_path)
    with disks.small(tmp_path / "disk", ROOMS_KIB[0]) as disk:
        for kib in ROOMS_KIB:
            disks.mounted("-o", f"remount,size={kib}k", str(disk))
            result = train(tmp_path, disk / "runs")
            assert result.returncode == 1 and "Traceback" not in result.stderr
            assert "No space left on device; nothing is half written" in result.stderr
            assert not [path for path in disk.rglob("*") if path.suffix == ".part"]
            assert not list(disk.glob("runs/*/export/tiny/1"))
        disks.mounted("-o", "remount,size=16m", str(disk))
        result = train(tmp_path, disk / "runs")
        assert result.returncode == 0, result.stderr
        (version,) = disk.glob("runs/*/export/tiny/1")
        contract.verify_files(version, contract.read(version))
    tell(f"stopped with {', '.join(map(str, ROOMS_KIB))} KiB, each time with one line; finished with more")


def test_a_training_that_may_not_write_says_so(tmp_path: Path) -> None:
    tiny.write(tmp_path)
    with disks.small(tmp_path / "disk", ROOM_KIB) as disk:
        disks.mounted("-o", "remount,ro", str(disk))
        result = train(tmp_path, disk / "runs")
    assert result.returncode == 1 and "Read-only file system" in result.stderr and "Traceback" not in result.stderr
