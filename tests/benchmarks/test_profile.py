"""The parts of a request are found in the service as it is."""

import subprocess
import sys
from pathlib import Path

from benchmarks.results import Profile
from tests.conftest import REPOSITORY

_PARTS = {"body or multipart", "decode", "prepare", "inference", "metrics", "answer", "log line"}


def test_every_part_takes_time_and_together_they_are_the_whole(tmp_path: Path) -> None:
    # A process of its own: where metrics go is settled when they are imported.
    path = tmp_path / "profile.json"
    command = [sys.executable, "-m", "benchmarks.profile", "--calls", "30", "--code", "this", "--to", str(path)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    stages = {stage.part: stage for stage in Profile.model_validate_json(path.read_text()).stages}
    assert stages.keys() >= _PARTS
    whole = stages.pop("the whole")
    assert min(stage.raw_us for stage in stages.values()) > 0
    # Medians of parts need not add up to the median of the whole, but nearly do.
    assert sum(stage.raw_us for stage in stages.values()) < 1.5 * whole.raw_us
    assert stages["body or multipart"].multipart_us > stages["body or multipart"].raw_us
