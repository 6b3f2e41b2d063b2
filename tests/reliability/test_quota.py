"""One core, by affinity or by the quota of a control group."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.crowd import Crowd
from tests.integration.processes import living_workers
from tests.integration.server import COMMAND, running
from tests.reliability import account
from tests.reliability.conftest import Tell
from tests.reliability.scale import Scale
from tests.reliability.test_load import Probes

pytestmark = pytest.mark.reliability
# As a container with a limit of 1.5 CPUs sees it.
QUOTA = "150000 100000"


def one_core_by_affinity(tmp_path: Path) -> tuple[str, ...]:
    if not shutil.which("taskset"):
        pytest.skip("taskset, of util-linux, is not here")
    return ("taskset", "--cpu-list", str(min(os.sched_getaffinity(0))))


def one_core_by_quota(tmp_path: Path) -> tuple[str, ...]:
    """A control group of version 2, laid over the real ones for this command alone."""
    (tmp_path / "cgroup").mkdir()
    (tmp_path / "cgroup" / "cpu.max").write_text(QUOTA)
    command = ("unshare", "--mount", "sh", "-c", f'mount --bind {tmp_path}/cgroup /sys/fs/cgroup && exec "$@"', "sh")
    if os.geteuid() != 0 or subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        pytest.skip("only root may lay a control group over the real ones")
    return command


@pytest.mark.parametrize("limit", [one_core_by_affinity, one_core_by_quota])
def test_with_one_core_it_takes_one_worker_and_probes_are_answered(
    tmp_path: Path, limit: object, scale: Scale, tell: Tell
) -> None:
    assert callable(limit)
    with running(tmp_path / "log", [*limit(tmp_path), *COMMAND]) as server:
        workers = living_workers(server)
        with Probes(server).asking() as probes, Crowd(server, 16).asking() as crowd:
            time.sleep(scale.slow_s)
        assert living_workers(server) == workers
    longest = max(probes.seconds)
    tell(f"{len(workers)} worker; {account.told(crowd)}; {len(probes.seconds)} probes, longest {longest:.3f} s")
    account.check(crowd)
    assert len(workers) == 1 and '"workers": 1, ' in server.log.read_text() and '"cores": 1' in server.log.read_text()
    assert probes.failed == 0 and longest <= 1


def test_with_one_core_offline_prediction_works_too(tmp_path: Path) -> None:
    command = [*one_core_by_quota(tmp_path), sys.executable, "-m", "service", "check", "models"]
    assert subprocess.run(command, capture_output=True).returncode == 0
