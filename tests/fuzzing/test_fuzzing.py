"""Every target withstands its seeds, what was once found, and some changes of either."""

import random
from pathlib import Path

import pytest

from tests import fuzzing
from tests.reliability import mutants

_MUTANTS = 100
CASES = [(name, file) for name in fuzzing.names() for file in fuzzing.found(name)]


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of broken metadata
@pytest.mark.parametrize("name", fuzzing.names())
def test_seeds_and_their_mutants_do_no_harm(name: str) -> None:
    target = fuzzing.target(name)
    seeds = target.seeds()
    assert len(seeds) >= 4
    for data in (*seeds, *mutants.changed([seed for seed in seeds if seed], _MUTANTS, random.Random(name))):
        target.one(data)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "file"), CASES, ids=lambda case: case.name if isinstance(case, Path) else case)
def test_what_was_found_once_does_no_harm_again(name: str, file: Path) -> None:
    fuzzing.target(name).one(file.read_bytes())
