"""Nested lists of numbers as the array a model takes; what does not fit is told in TF Serving's words."""

import math
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from service.api import json_documents

# Height, width, channels.
Shape = tuple[int, int, int]


class TensorFault(ValueError):
    """The value is no such tensor; the sentence says why."""


def image(value: object, shape: Shape) -> NDArray[np.uint8]:
    """A uint8 array of that shape; the axis of a single channel may be left out.

    Raises TensorFault.
    """
    sent, numbers = _flat(value)
    data = _bytes(numbers)
    if len(data) != math.prod(shape):
        raise TensorFault(f"Expecting tensor size: {math.prod(shape)} but got: {len(data)}")
    if sent is None or shape not in (sent, (*sent, 1)):
        got = "lists of different lengths" if sent is None else told(sent)
        raise TensorFault(f"Expecting shape {told(shape)} but got: {got}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def flat_image(value: object, shape: Shape) -> NDArray[np.uint8]:
    """The same, or from one list of all its numbers, row by row."""
    sent, numbers = _flat(value)
    if sent != (math.prod(shape),):
        return image(value, shape)
    return np.frombuffer(_bytes(numbers), np.uint8).reshape(shape)


def told(shape: Sequence[int]) -> str:
    """A shape as TF Serving writes it."""
    return f"{{{','.join(map(str, shape))}}}"


def _flat(value: object) -> tuple[tuple[int, ...] | None, list[object]]:
    """The shape of nested lists and what they hold, in order; None, in any order, if they differ in length or depth."""
    level: list[object] = [value]
    sizes: list[set[int]] = []
    found: list[object] = []
    regular = True
    while level:
        lists = [one for one in level if isinstance(one, list)]
        found += [one for one in level if not isinstance(one, list)]
        regular = regular and len(lists) in (0, len(level))
        sizes += [set(map(len, lists))] if lists else []
        level = list(chain.from_iterable(lists))
    if regular and all(len(lengths) == 1 for lengths in sizes):
        return tuple(lengths.pop() for lengths in sizes), found
    return None, found


def _bytes(numbers: list[object]) -> bytes:
    """Whole numbers from 0 to 255, a byte each."""
    if set(map(type, numbers)) <= {int}:
        try:
            return bytes(numbers)  # type: ignore[arg-type]  # the line above asked
        except ValueError:
            pass  # one is out of range
    wrong = next(one for one in numbers if type(one) is not int or not 0 <= one <= 255)
    raise TensorFault(
        f"JSON Value: {json_documents.shown(wrong)} Type: {json_documents.kind(wrong)} is not of expected type: uint8; "
        "a pixel is a whole number from 0 to 255, scaling is inside the model"
    )
