"""What is swapped out is freed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# In a process of its own: what else the tests hold would hide it.
_PROGRAM = """
import json, os, sys
from pathlib import Path
from service.inference.registry import Registry
from tests.publishing import change

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

models_dir, engine, reloads = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
registry = Registry(models_dir, engine, threads=2)
registry.load()
sizes = []
for number in range(reloads):
    change(models_dir / "mnist" / "1", temperature=1 + number / 1000)
    registry.look()
    registry.look()
    assert registry.get("mnist").manifest.temperature == 1 + number / 1000
    sizes.append(resident_mib())
print(json.dumps(sizes))
"""


@pytest.mark.parametrize(("engine", "reloads"), [("litert", 100), ("tensorflow", 60)])
def test_memory_does_not_grow_with_the_reloads(models_dir: Path, engine: str, reloads: int) -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell a process' memory in /proc")
    if engine == "tensorflow":
        pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    command = [sys.executable, "-c", _PROGRAM, str(models_dir), engine, str(reloads)]
    told = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    sizes = json.loads(told.splitlines()[-1])
    # Half a MiB a reload is a tenth of what a SavedModel leaves behind if it is not collected.
    assert sizes[-1] - sizes[reloads // 4] < reloads * 0.5, sizes
