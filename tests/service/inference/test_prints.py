"""A folder's print is another one whenever a file in it is."""

import os
from pathlib import Path

import pytest

from service import manifest as contract
from service.inference import prints


@pytest.fixture
def folder(models_dir: Path) -> Path:
    return models_dir / "mnist" / "1"


@pytest.mark.parametrize("file", [contract.FILE_NAME, contract.LITERT_FILE, contract.SAVED_MODEL_FILE])
def test_a_file_written_in_place_with_its_old_times_changes_both_prints(folder: Path, file: str) -> None:
    before = prints.of_outline(folder), prints.of_folder(folder)
    stated = (folder / file).stat()
    (folder / file).write_bytes((folder / file).read_bytes())
    # As `cp --preserve` and `rsync --inplace --times` leave it.
    os.utime(folder / file, ns=(stated.st_atime_ns, stated.st_mtime_ns))
    assert prints.of_outline(folder) != before[0] and prints.of_folder(folder) != before[1]


def test_a_file_added_or_removed_changes_the_print_of_the_folder(folder: Path) -> None:
    whole = prints.of_folder(folder)
    (folder / "golden" / "more.png").touch()
    more = prints.of_folder(folder)
    (folder / "golden" / "more.png").unlink()
    assert len({whole, more, prints.of_folder(folder)}) == 3


def test_what_cannot_be_read_has_a_print_too(tmp_path: Path) -> None:
    nothing = prints.of_folder(tmp_path / "nothing")
    assert nothing == prints.of_folder(tmp_path / "nothing") and prints.of_outline(tmp_path / "nothing")
    (tmp_path / "nothing").mkdir()
    assert prints.of_folder(tmp_path / "nothing") != nothing
    (tmp_path / "nothing" / "loop").symlink_to("loop")
    assert prints.of_folder(tmp_path / "nothing")


def test_nothing_changed_is_the_same_print(folder: Path) -> None:
    assert prints.of_outline(folder) == prints.of_outline(folder)
    assert prints.of_folder(folder) == prints.of_folder(folder)
