"""All cores answer very many files as one does: the same lines, in the order of the files, and few of them held."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result

from service.__main__ import main
from service.offline import crew
from service.offline.predict import Asked, Source, Teller
from service.settings import Settings
from tests.conftest import MODELS, REPOSITORY, golden

_LONGEST_S = 30


@pytest.fixture(scope="module")
def teller() -> Teller:
    return Teller(Asked(Settings(models_dir=MODELS), "mnist"))


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder of 100 files, of which every tenth is no picture."""
    folder = tmp_path / "many"
    folder.mkdir()
    for index in range(100):
        (folder / f"{index:03}").write_bytes(golden(label=index % 10) if index % 10 != 4 else b"no picture")
    return folder


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["predict", "mnist", *map(str, words)], env={"SQUINT_MODELS_DIR": str(MODELS)})


def endless(counted: list[int]) -> Iterator[Source]:
    while True:
        counted[0] += 1
        yield Source(str(counted[0]), golden())


def test_several_processes_tell_what_one_tells(many: Path) -> None:
    alone, together = (invoke(many, "--json", "--top-k", "2", "--jobs", jobs) for jobs in ("1", "3"))
    assert len(alone.stdout.splitlines()) == 100 and together.stdout == alone.stdout
    assert together.stderr == alone.stderr == "10 of 100 files could not be used\n"
    assert together.exit_code == alone.exit_code == 1


def test_lines_come_from_other_processes_while_few_files_are_held(teller: Teller) -> None:
    counted = [0]
    told = crew.lines(teller, endless(counted), jobs=2)
    assert '"file": "1",' in next(told).text and '"file": "2",' in next(told).text
    assert len(active_children()) == 2 and counted[0] < 1000
    told.close()  # type: ignore[attr-defined]
    assert active_children() == []


def test_a_few_files_start_no_process(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "ProcessPoolExecutor", Mock(side_effect=AssertionError))
    told = list(crew.lines(teller, [Source(str(index), golden()) for index in range(20)], jobs=4))
    assert [re.findall(r'"file": "(\d+)"', line.text) for line in told] == [[str(index)] for index in range(20)]


def test_the_version_stays_the_same_while_another_is_published(models_dir: Path) -> None:
    teller = Teller(Asked(Settings(models_dir=models_dir), "mnist"))
    shutil.copytree(models_dir / "mnist" / "1", models_dir / "mnist" / "2")
    assert teller.asked.version == 1


def test_a_process_that_is_lost_is_told(teller: Teller) -> None:
    told = crew.lines(teller, endless([0]), jobs=2)
    next(told)
    os.kill(active_children()[0].pid or 0, signal.SIGKILL)
    with pytest.raises(crew.LostProcess, match="--jobs"):
        for _ in told:
            pass


def children(pid: int) -> set[int]:
    return {int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()}


def runs(pid: int) -> bool:
    """Whether a process is there, and not only still listed because nobody asked how it ended."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system does not list a process' children")
def test_nobody_works_on_when_the_leader_is_killed(many: Path) -> None:
    words = [sys.executable, "-m", "service", "predict", "mnist", *[str(many)] * 500, "--jobs", "2"]
    leader = subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert leader.stdout is not None
    leader.stdout.readline()
    crew_of_it = children(leader.pid)
    assert len(crew_of_it) >= 2
    leader.kill()
    leader.communicate()
    deadline = time.monotonic() + _LONGEST_S
    while any(map(runs, crew_of_it)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(runs, crew_of_it))
