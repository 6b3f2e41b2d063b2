"""What one large picture took, a worker does not keep."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PROGRAM = """
import sys
from pathlib import Path
from threading import Thread
from PIL import Image
from service import heap

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

def work():
    for side in (3000, 6000):
        Image.new("RGBA", (side, side)).convert("LA").convert("RGB").reduce(4)

if sys.argv[1] == "given back":
    heap.give_back()
Image.new("L", (1, 1))
before = resident_mib()
thread = Thread(target=work)
thread.start()
thread.join()
print(resident_mib() - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library keeps memory in its own way")
@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="this system does not tell a process' memory in /proc"
)
def test_memory_of_a_large_picture_goes_back_to_the_system() -> None:
    def kept(how: str) -> float:
        command = [sys.executable, "-c", PROGRAM, how]
        return float(subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout)

    assert kept("given back") < 16 < kept("as it is")
