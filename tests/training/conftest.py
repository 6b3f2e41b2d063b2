"""What the commands' tests share: a data set that trains in seconds, and a run of it that was published."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests import tiny
from tests.tiny.datasets import tiny as tiny_data
from training.cli import main


def arguments(place: Path) -> list[str]:
    return ["--data-dir", str(place / "data"), "--runs-dir", str(place / "runs"), "--models-dir", str(place / "models")]


def invoke(*words: str) -> Result:
    return CliRunner().invoke(main, words, prog_name="python -m training")


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/ in it, and runs/ and models/ to come; recipes and data sets of `tests.tiny` are known."""
    tiny.install()
    folder = tmp_path_factory.mktemp("place")
    (folder / "data").mkdir()
    tiny_data.write(folder / "data")
    return folder


@pytest.fixture(scope="session")
def trained(place: Path) -> Path:
    """A run that was trained, exported and published as version 1."""
    result = invoke("train", "tiny", "--publish", *arguments(place))
    assert result.exit_code == 0, result.output
    (run,) = (place / "runs").iterdir()
    return run
