"""Small disks of our own, that can be filled and made read-only."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def mounted(*words: str) -> None:
    """Runs `mount`; skips where this is not allowed."""
    if subprocess.run(["mount", *words], capture_output=True).returncode != 0:
        pytest.skip("file systems cannot be mounted here")


@contextmanager
def small(place: Path, kib: int) -> Iterator[Path]:
    """A file system in memory of so many KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    place.mkdir()
    mounted("-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(place))
    try:
        yield place
    finally:
        # Lazily: a test that fails may have left a process with files open there.
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> None:
    """Leaves no room on it."""
    try:
        with (disk / "fill").open("ab", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    except OSError:
        pass  # that is the point


def without_anything_writable(besides: str = "") -> tuple[str, ...]:
    """A command that runs the one after it where no file can be written, but in folders given with a size."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    script = f'mount -o remount,ro,bind / && mount -t tmpfs -o ro tmpfs /dev/shm && {besides or "true"} && exec "$@"'
    command = ("unshare", "--mount", "sh", "-c", script, "sh")
    if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    return command
