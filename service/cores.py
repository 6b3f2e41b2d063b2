"""The cores that this process may use: its CPU affinity, lowered by what its control groups allow."""

import os
import re
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
    """The lowest CPU quota of the process' control group (version 2) and those around it, in cores; None without one.

    `membership` names the group as /proc/self/cgroup does. In a container the group may lie above what is mounted:
    then the mount's root is its own.
    """
    try:
        (path,) = re.findall(r"^0::/(.*)$", membership.read_text(), re.MULTILINE)
    except (OSError, ValueError):
        return None
    group = mount / path
    folders = [folder for folder in (group, *group.parents) if folder.is_relative_to(mount)]
    return min((quota for folder in folders if (quota := _quota(folder)) is not None), default=None)


def _quota(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # `max` is no number and means none
        return None
