"""What can go wrong, without HTTP: every fault that can be told to whoever caused it."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

# Of longer names the beginning is compared: clients send names of any length, and comparing long ones is slow.
_MAX_COMPARED = 64


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'mnist'?)` for an unknown name that is nearly a known one, else nothing."""
    nearest = get_close_matches(name[:_MAX_COMPARED], known, n=1)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""


class Fault(Exception):
    """A fault with a stable `code` for programs and a sentence for people."""

    code: ClassVar[str] = "fault"

    @property
    def text(self) -> str:
        """The sentence for people: what is wrong and what to do about it."""
        return str(self)


class ImageFault(Fault):
    """One picture cannot be used."""


class EmptyImage(ImageFault):
    """The file has no bytes."""

    code = "empty_image"


class UnsupportedFormat(ImageFault):
    """The content is none of the accepted image formats."""

    code = "unsupported_format"


class BrokenImage(ImageFault):
    """The content claims an accepted format and cannot be decoded."""

    code = "broken_image"


class ImageTooLarge(ImageFault):
    """The picture exceeds a limit on bytes, pixels or frames."""

    code = "image_too_large"


class UnknownModel(Fault):
    """No model of that name is on disk."""

    code = "unknown_model"


class UnknownVersion(Fault):
    """The model has no such version."""

    code = "unknown_version"


class UnknownLabel(Fault):
    """No version of the model has that label."""

    code = "unknown_label"


class UnknownExample(Fault):
    """The version has no such example picture."""

    code = "unknown_example"


class NotReady(Fault):
    """The models are still being loaded, or this one could not be."""

    code = "not_ready"


class ModelFault(Fault):
    """A model folder cannot be served; the sentence names the file and the fault."""

    code = "model_fault"


class Unauthorized(Fault):
    """The request has no valid key."""

    code = "unauthorized"


class Forbidden(Fault):
    """The request's key does not have the role that the path needs."""

    code = "forbidden"

    def __init__(self, text: str, key_name: str) -> None:
        super().__init__(text)
        self.key_name = key_name


class MethodNotAllowed(Fault):
    """The path does not have this method; `allowed` lists those it has."""

    code = "method_not_allowed"

    def __init__(self, text: str, allowed: str) -> None:
        super().__init__(text)
        self.allowed = allowed


class HeadTooLarge(Fault):
    """Request line and headers are larger than the limit."""

    code = "malformed_request"


class BodyTooLarge(Fault):
    """The request's body is larger than the limit."""

    code = "request_entity_too_large"


class RequestTimeout(Fault):
    """A part of the request did not arrive in time."""

    code = "request_timeout"


class Overloaded(Fault):
    """More is asked than can be computed; `retry_after_s` says in how many seconds to ask again."""

    code = "overloaded"

    def __init__(self, text: str, retry_after_s: int) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class DeadlinePassed(Fault):
    """The time that the caller allowed is over before the answer is."""

    code = "deadline_passed"


class Abandoned(Fault):
    """The client closed its connection before the answer was computed."""

    code = "abandoned"
