"""`python -m deploy.wheels LOCK…`: whether every locked package has a wheel for the image on 64-bit ARM.

Asked of the package index that pip uses. A wheel counts if the lock has its hash, since nothing else is installed.
Nothing is installed here, and the exit status is 1 if a package has none.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

# Python and C library of the Dockerfile's base, Debian 12.
PYTHON, GLIBC = "3.11", 36
MACHINE = "aarch64"
_ENVIRONMENT = {
    "platform_machine": MACHINE,
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "python_version": PYTHON,
    "python_full_version": f"{PYTHON}.0",
}
# manylinux2014 is 2.17. pip knows no order of these for a machine that it does not run on.
_PLATFORMS = [f"--platform=manylinux_2_{minor}_{MACHINE}" for minor in range(17, GLIBC + 1)]
_ASK = ("-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--no-deps", "--only-binary=:all:",
        f"--platform=manylinux2014_{MACHINE}", *_PLATFORMS, f"--python-version={PYTHON}",
        "--disable-pip-version-check", "--report=-")  # fmt: skip


class Locked(NamedTuple):
    """A package at its version, as pip names it, and the SHA-256 of the files that may be installed."""

    pin: str
    hashes: frozenset[str]


class Found(NamedTuple):
    """A package, and its wheel, or why there is none."""

    pin: str
    wheel: str | None
    fault: str = ""


def read(lock: str) -> Iterator[Locked]:
    """The packages that a lock holds for 64-bit ARM."""
    for entry in re.findall(r"^[a-zA-Z0-9].*?(?<!\\)$", lock, re.MULTILINE | re.DOTALL):
        requirement = Requirement(re.split(r"\s--hash|\\", entry)[0].strip())
        if requirement.marker is None or requirement.marker.evaluate(_ENVIRONMENT):
            yield Locked(
                f"{requirement.name}{requirement.specifier}", frozenset(re.findall(r"--hash=sha256:(\w+)", entry))
            )


def find(locked: Locked) -> Found:
    """The wheel that pip would take."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *_ASK, f"--target={folder}", locked.pin]
        ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        return Found(locked.pin, None, ended.stderr.strip().splitlines()[-1])
    (taken,) = json.loads(ended.stdout)["install"]
    wheel = taken["download_info"]["url"].rpartition("/")[2]
    if taken["download_info"]["archive_info"]["hashes"]["sha256"] not in locked.hashes:
        return Found(locked.pin, None, f"{wheel} is not in the lock")
    return Found(locked.pin, wheel)


def main(locks: Iterable[str]) -> int:
    """Prints a line a package; returns how many have no wheel."""
    wanted = {locked.pin: locked for path in locks for locked in read(Path(path).read_text())}
    missing = 0
    for locked in wanted.values():
        found = find(locked)
        missing += found.wheel is None
        print(f"{found.pin:32} {found.wheel or 'MISSING: ' + found.fault}", flush=True)
    print(f"{len(wanted)} packages, {missing} without a wheel for {MACHINE}, CPython {PYTHON}, glibc 2.{GLIBC}")
    return missing


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
