"""Every target withstands its seeds, what was once found, and some changes of either."""

import random

import pytest

from tests import fuzzing
from tests.reliability import mutants

_MUTANTS = 100


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of broken metadata
@pytest.mark.parametrize("name", fuzzing.names())
def test_seeds_and_their_mutants_do_no_harm(name: str) -> None:
    target = fuzzing.target(name)
    seeds = target.seeds()
    assert len(seeds) >= 4
    found = [file.read_bytes() for file in fuzzing.found(name)]
    for data in (*seeds, *found, *mutants.changed([seed for seed in seeds if seed], _MUTANTS, random.Random(name))):
        target.one(data)
