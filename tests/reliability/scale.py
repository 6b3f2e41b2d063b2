"""How long and how often: the one place for it."""

import os
from dataclasses import dataclass

VARIABLE = "SQUINT_RELIABILITY"


@dataclass(frozen=True)
class Scale:
    """One form of the suite; times in seconds."""

    killing_s: float
    """A worker is killed every one to four seconds for so long."""

    stops: int
    reloads: int
    """By SIGHUP, and as many by new versions of a model."""

    overload_s: float
    soak_s: float
    slow_s: float
    mutants: int
    """Of each format."""

    bomb_bytes: int
    """What the compressed bodies inflate to."""

    version_rounds: int
    training_kills: int
    training_epochs: int


_FORMS = {
    "full": Scale(
        killing_s=120,
        stops=50,
        reloads=100,
        overload_s=120,
        soak_s=1800,
        slow_s=30,
        mutants=10_000,
        bomb_bytes=2**30,
        version_rounds=10,
        training_kills=20,
        training_epochs=400,
    ),
    # For every change: five minutes, and five more for the soak.
    "short": Scale(
        killing_s=20,
        stops=6,
        reloads=10,
        overload_s=20,
        soak_s=300,
        slow_s=10,
        mutants=1000,
        bomb_bytes=2**28,
        version_rounds=1,
        training_kills=3,
        training_epochs=40,
    ),
    # For whoever works on the suite itself: whether it runs, not whether the service holds.
    "glance": Scale(
        killing_s=5,
        stops=1,
        reloads=2,
        overload_s=3,
        soak_s=6,
        slow_s=2,
        mutants=50,
        bomb_bytes=2**26,
        version_rounds=1,
        training_kills=1,
        training_epochs=8,
    ),
}


def chosen() -> Scale:
    """The form that SQUINT_RELIABILITY names, by default the full one."""
    name = os.environ.get(VARIABLE, "full")
    if name not in _FORMS:
        raise ValueError(f"{VARIABLE} must be one of {', '.join(_FORMS)}, not {name!r}")
    return _FORMS[name]
