"""The cores that this process may use: its CPU affinity, lowered by what its control groups allow."""

import os
from collections.abc import Iterator
from pathlib import Path


def allotted_cores() -> int:
    """Whole cores, at least 1.

    A quota is rounded down: more threads than it has cores use it up early in each period, and then stand still, probes
    and all, until the next.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = quota_cores(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))
    return affinity if quota is None else max(1, min(affinity, int(quota)))


def quota_cores(mount: Path, membership: Path) -> float | None:
    """The lowest CPU quota of the process' control group and those around it, in cores; None if there is none.

    `membership` lists the groups as /proc/self/cgroup does. In a container the listed group may lie above what is
    mounted: then the mount's root is its own.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    quotas = [quota for line in lines for folder in _folders(mount, line) if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def _folders(mount: Path, line: str) -> Iterator[Path]:
    """Every folder that may limit the group of one line `number:controllers:path`, outermost first."""
    _, controllers, path = line.split(":", 2)
    if controllers and "cpu" not in controllers.split(","):
        return
    # Version 2 has no controllers in its line; version 1 a mount for each set of them, often linked by single names.
    for root in [mount / controllers, mount / "cpu"] if controllers else [mount, mount / "unified"]:
        group = root / path.strip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(root))


def _quota(folder: Path) -> float | None:
    try:
        if (version_2 := folder / "cpu.max").exists():
            quota, period = version_2.read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        # `max` and -1 mean none.
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
