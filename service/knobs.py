"""The settings as tables, for `--help` and for docs/settings.md, from what validates them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from service.settings import PREFIX, Settings

_TYPES: Mapping[Any, str] = {str: "text", Path: "path"}
_BOUNDS = (("ge", "from"), ("gt", "above"), ("le", "to"), ("lt", "below"))


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
            f"{PREFIX}{name.upper()}", _default(field), _allowed(field), " ".join((field.description or "").split())
        )


def _default(field: FieldInfo) -> str:
    # A default that is computed is told in the description.
    return (
        "computed" if field.default is PydanticUndefined else str(field.default if field.default is not None else "–")
    )


def _allowed(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(get_args(field.annotation))
    bounds = [f"{word} {getattr(rule, sign)}" for sign, word in _BOUNDS for rule in field.metadata if _has(rule, sign)]
    return " ".join(bounds) or _TYPES[field.annotation]


def _has(rule: Any, sign: str) -> bool:  # noqa: ANN401  pydantic's rules have no type in common
    return getattr(rule, sign, None) is not None


def as_markdown() -> str:
    """A table for the documentation."""
    lines = ["| variable | default | allowed | |", "|---|---|---|---|"]
    lines += [f"| `{knob.variable}` | {knob.default} | {knob.allowed} | {knob.meaning} |" for knob in knobs()]
    return "\n".join(lines) + "\n"


def as_pairs() -> list[tuple[str, str]]:
    """Each variable, and the rest in a sentence."""
    return [(knob.variable, f"{knob.meaning} [{knob.allowed}; default: {knob.default}]") for knob in knobs()]
