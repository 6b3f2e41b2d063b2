"""JSON from strangers: an object, or TF Serving's words for what is wrong with the text; never slow, never deep."""

import codecs
import json
from collections import Counter
from typing import Any

from service.api.problems import RequestFault, TooManyImages

Document = dict[str, Any]
# As TF Serving names them.
_KINDS = {
    type(None): "Null",
    bool: "Bool",
    dict: "Object",
    list: "Array",
    str: "String",
    int: "Number",
    float: "Number",
}
_SHOWN = 60
# Names and objects around a tensor, and whatever else stands in the body.
_VALUES_BESIDE_A_TENSOR, _OTHER_VALUES = 8, 1000


def most_values(shape: tuple[int, int, int], max_images: int) -> int:
    """How many JSON values a body of `max_images` images of that height, width and channels may have."""
    height, width, channels = shape
    return max_images * (height * (width * (channels + 1) + 1) + _VALUES_BESIDE_A_TENSOR) + _OTHER_VALUES


def parse(body: bytes, most_values: int) -> Document:
    """The object that a body holds.

    Raises RequestFault, and TooManyImages before a body with more values than that is parsed: as Python's objects they
    would take thirty times its size, and seconds.
    """
    # Each value but the first follows one of these; some may stand inside a text.
    if sum(map(body.count, (b",", b"[", b"{"))) > most_values:
        raise TooManyImages(f"the body has more than the {most_values} values that the images of one request may have")
    document = _parsed(_text(body))
    if not isinstance(document, dict):
        raise _fault(f"JSON Value: {shown(document)} Is not object")
    return document


def kind(value: object) -> str:
    """The JSON type of a value."""
    return _KINDS[type(value)]


def shown(value: object) -> str:
    """A value as a sentence may quote it."""
    if isinstance(value, list | dict):
        return "[…]" if isinstance(value, list) else "{…}"
    text = json.dumps(value[: 2 * _SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _text(body: bytes) -> str:
    try:
        text = body.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise _fault(f"JSON Parse error: Invalid value, it is not UTF-8 at offset: {error.start}") from error
    if not text or text.isspace():
        raise _fault("JSON Parse error: The document is empty")
    return text


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise _fault("JSON Parse error: Invalid value, it is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise _fault(f"JSON Parse error: Invalid value ({error.msg}) at offset: {error.pos}") from error
    except ValueError as error:
        raise _fault("JSON Parse error: Invalid value, a number has too many digits") from error


def _object(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise _fault(f"JSON Parse error: Invalid value, the key {shown(key)} is given more than once")
    return found


def _fault(text: str) -> RequestFault:
    return RequestFault("bad_json", text)
