"""What was decided about a picture, in words and as codes."""

from typing import NamedTuple


class Step(NamedTuple):
    """One decision or warning: a stable code for programs, a sentence for people."""

    code: str
    text: str
