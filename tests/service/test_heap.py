"""What one large picture took, a worker does not keep, nor what its start took."""

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

def fragments():
    pieces = [bytes(2000) for _ in range(20000)]
    return pieces[-1]

def work():
    for side in (3000, 6000):
        Image.new("RGBA", (side, side)).convert("LA").convert("RGB").reduce(4)

if sys.argv[1] == "trimmed":
    pinned = fragments()
    before = resident_mib()
    heap.trim()
    print(before - resident_mib())
    sys.exit()
if sys.argv[1] == "given back":
    heap.give_back()
Image.new("L", (1, 1))
before = resident_mib()
thread = Thread(target=work)
thread.start()
thread.join()
print(resident_mib() - before)
"""


in_glibc = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library keeps memory in its own way"
)
in_proc = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="this system does not tell a process' memory in /proc"
)


def told(how: str) -> float:
    command = [sys.executable, "-c", PROGRAM, how]
    return float(subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout)


@in_glibc
@in_proc
def test_memory_of_a_large_picture_goes_back_to_the_system() -> None:
    assert told("given back") < 16 < told("as it is")


@in_glibc
@in_proc
def test_what_is_free_between_pieces_in_use_goes_back_when_it_is_trimmed() -> None:
    assert told("trimmed") > 20
