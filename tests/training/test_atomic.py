"""Files and folders appear whole or not at all."""

from pathlib import Path

import pytest

from training import atomic


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    atomic.write_text(path, "old")
    with pytest.raises(RuntimeError), atomic.new_file(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_of_a_file_is_cleared(tmp_path: Path) -> None:
    for name in ("state", ".state.7.part", ".state.8.part", ".other.7.part"):
        (tmp_path / name).touch()
    atomic.clear(tmp_path / "state")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.7.part", "state"]


def test_a_failed_folder_does_not_appear(tmp_path: Path) -> None:
    path = tmp_path / "1"
    with pytest.raises(RuntimeError), atomic.new_folder(path) as part:
        (part / "half").touch()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_of_a_folder_is_cleared_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "1"
    (tmp_path / ".1.part").mkdir()
    (tmp_path / ".1.part" / "half").touch()
    with atomic.new_folder(path) as part:
        (part / "whole").touch()
    assert [found.name for found in tmp_path.rglob("*")] == ["1", "whole"]


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with atomic.exclusive(tmp_path), pytest.raises(atomic.InUse, match="in use"), atomic.exclusive(tmp_path):
        pass
    with atomic.exclusive(tmp_path):
        pass
