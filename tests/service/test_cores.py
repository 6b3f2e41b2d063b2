"""The cores that a process is allotted."""

import os
from pathlib import Path

import pytest

from service import cores
from service.cores import allotted_cores, quota_cores


def quota(tmp_path: Path, membership: str, files: dict[str, str]) -> float | None:
    for name, content in files.items():
        (tmp_path / "mount" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mount" / name).write_text(content)
    (tmp_path / "membership").write_text(membership)
    return quota_cores(tmp_path / "mount", tmp_path / "membership")


@pytest.mark.parametrize(
    ("content", "expected"),
    [("max 100000", None), ("150000 100000", 1.5), ("400000 100000\n", 4), ("", None), ("broken", None), ("1 0", None)],
)
def test_a_quota_of_version_2_is_read(tmp_path: Path, content: str, expected: float | None) -> None:
    assert quota(tmp_path, "0::/\n", {"cpu.max": content}) == expected


def test_the_groups_around_limit_too(tmp_path: Path) -> None:
    files = {"cpu.max": "max 100000", "pods/cpu.max": "200000 100000", "pods/one/cpu.max": "300000 100000"}
    assert quota(tmp_path, "0::/pods/one\n", files) == 2


def test_in_a_container_the_mount_is_the_group(tmp_path: Path) -> None:
    assert quota(tmp_path, "0::/docker/not-mounted-here\n", {"cpu.max": "250000 100000"}) == 2.5
    assert quota(tmp_path, "0::/../..\n", {"cpu.max": "250000 100000"}) == 2.5


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert quota_cores(tmp_path, tmp_path / "absent") is None


@pytest.mark.parametrize(("quota", "expected"), [(0.5, 1), (1.9, 1), (2.0, 2), (1000.0, 3), (None, 3)])
def test_a_quota_is_rounded_down_but_to_one_core(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, expected: int
) -> None:
    monkeypatch.setattr(cores, "quota_cores", lambda *_: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert allotted_cores() == expected
