"""The settings as tables, for `--help` and for docs/settings.md, from what validates them."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from service.settings import PREFIX, Settings, allowed


class Knob(NamedTuple):
    """A setting in words: its environment variable, default, allowed values, and what it is for."""

    variable: str
    default: str
    allowed: str
    meaning: str


def knobs() -> Iterator[Knob]:
    """Every setting, in the order of `Settings`."""
    for name, field in Settings.model_fields.items():
        yield Knob(
            f"{PREFIX}{name.upper()}", _default(field), allowed(field), " ".join((field.description or "").split())
        )


def _default(field: FieldInfo) -> str:
    # A default that is computed is told in the description.
    if field.default is PydanticUndefined:
        return "computed"
    return "none" if field.default in (None, ()) else str(field.default)


def as_markdown() -> str:
    """A table for the documentation."""
    lines = ["| variable | default | allowed | |", "|---|---|---|---|"]
    lines += [f"| `{knob.variable}` | {knob.default} | {knob.allowed} | {knob.meaning} |" for knob in knobs()]
    return "\n".join(lines) + "\n"


def as_pairs() -> list[tuple[str, str]]:
    """Each variable, and the rest in a sentence."""
    return [(knob.variable, f"{knob.meaning} [{knob.allowed}; default: {knob.default}]") for knob in knobs()]
