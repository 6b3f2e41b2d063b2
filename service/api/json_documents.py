"""JSON from clients: objects and tensors, or TF Serving's words for what is wrong; never slow, never deep."""

import codecs
import json
from collections import Counter
from itertools import chain
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


def max_values(shape: tuple[int, int, int], max_images: int) -> int:
    """How many JSON values a body of `max_images` images of that height, width and channels may have."""
    height, width, channels = shape
    return max_images * (height * (width * (channels + 1) + 1) + _VALUES_BESIDE_A_TENSOR) + _OTHER_VALUES


def parse(body: bytes, max_values: int) -> Document:
    """The object that a body holds.

    Raises RequestFault, and TooManyImages before a body with more values than that is parsed: as Python's objects they
    would take thirty times its size, and seconds.
    """
    # Each value but the first follows one of these; some may stand inside a text.
    if sum(map(body.count, (b",", b"[", b"{"))) > max_values:
        raise TooManyImages(f"the body has more than the {max_values} values that the images of one request may have")
    document = _parsed(_text(body))
    if not isinstance(document, dict):
        raise _fault(f"JSON Value: {shown(document)} Is not object")
    return document


def flatten(value: object) -> tuple[tuple[int, ...] | None, list[Any]]:
    """The shape of nested lists, and their elements in order.

    None and the elements in any order, if the lists differ in length or depth.
    """
    level: list[Any] = [value]
    shape, elements, is_regular = list[int](), list[Any](), True
    while list in (types := set(map(type, level))):
        if len(types) > 1:
            elements += [one for one in level if type(one) is not list]
            level = [one for one in level if type(one) is list]
        lengths = set(map(len, level))
        is_regular = is_regular and len(types) == len(lengths) == 1
        shape.append(lengths.pop())
        level = list(chain.from_iterable(level))
    return (tuple(shape) if is_regular else None), elements + level


def as_uint8(numbers: list[Any]) -> bytes | None:
    """Whole numbers from 0 to 255, a byte each; None if one is something else."""
    # By type first: `bytes` takes true for 1.
    if set(map(type, numbers)) <= {int}:
        try:
            return bytes(numbers)
        except ValueError:  # one is out of range
            pass
    return None


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
