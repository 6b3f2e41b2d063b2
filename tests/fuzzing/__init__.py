"""Whatever bytes come from outside, what they may become: one file a target, run by `make fuzz` and by the tests.

A target is a module `fuzz_<name>` with `seeds()`, inputs to begin with, WORDS, of which others may be made, and
`one(data)`, which raises where it finds a fault.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

FOUND = Path(__file__).parent / "found"
_PREFIX = "fuzz_"


def names() -> Sequence[str]:
    """All targets."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.removeprefix(_PREFIX) for name in modules if name.startswith(_PREFIX))


def target(name: str) -> ModuleType:
    """The module of a target."""
    return importlib.import_module(f"{__name__}.{_PREFIX}{name}")


def found(name: str) -> list[Path]:
    """Inputs that once led to a fault, each in a file."""
    return sorted((FOUND / name).glob("*"))
