"""The Open Inference Protocol's tensors: from JSON numbers or raw bytes to arrays, and back."""

import math
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.api import json_documents
from service.api.problems import RequestFault

UINT8, FP32, BYTES = "UINT8", "FP32", "BYTES"
_LENGTH = struct.Struct("<I")


def fault(text: str) -> RequestFault:
    """A tensor that is not what it says, or not what the model takes."""
    return RequestFault("bad_tensor", text)


def elements(data: list[Any], shape: Sequence[int]) -> list[Any]:
    """A tensor's elements in row-major order, from a list that is nested as `shape` says or flat."""
    size = math.prod(shape)
    sent, found = json_documents.flatten(data)
    if sent not in ((size,), tuple(shape)):
        raise fault(f"its data must be a flat list of {size} elements, or lists nested as {list(shape)} says")
    return found


def pixels_of_json(data: list[Any], shape: Sequence[int]) -> NDArray[np.uint8]:
    """A UINT8 tensor of that shape; `data` nested or flat."""
    pixels = json_documents.as_uint8(elements(data, shape))
    if pixels is None:
        raise fault(f"its data must be whole numbers from 0 to 255, as {UINT8} is")
    return pixels_of_bytes(pixels, shape)


def pixels_of_bytes(raw: bytes, shape: Sequence[int]) -> NDArray[np.uint8]:
    """A UINT8 tensor of that shape, which has as many elements as there are bytes."""
    return np.frombuffer(raw, np.uint8).reshape(shape)


def packed(strings: Iterable[bytes]) -> bytes:
    """A BYTES tensor's binary layout: each element's length as four bytes, the lowest first, before it."""
    return b"".join(_LENGTH.pack(len(one)) + one for one in strings)


def unpacked(raw: bytes, count: int) -> list[bytes]:
    """The elements of a BYTES tensor in its binary layout, exactly `count`."""
    strings, at = [], 0
    for index in range(count):
        start = at + _LENGTH.size
        at = start + _LENGTH.unpack_from(raw, at)[0] if start <= len(raw) else start
        if at > len(raw):
            raise fault(f"its element {index} of {count} is cut short; each is its length as four bytes, then itself")
        strings.append(raw[start:at])
    if at < len(raw):
        raise fault(f"{len(raw) - at} bytes follow its {count} elements")
    return strings


def raw_floats(values: NDArray[np.float32]) -> bytes:
    """The binary layout of an FP32 tensor: little-endian, row by row."""
    return values.astype("<f4").tobytes()


def classified(values: NDArray[np.float32], labels: Sequence[str], most: int) -> list[str]:
    """The classification extension: `value:index:label` of each row's `most` highest values, the highest first."""
    best = (-values).argsort(axis=1, kind="stable")[:, :most]
    return [
        # Never with an exponent, and no digit more than float32 holds.
        f"{np.format_float_positional(row[index], trim='0')}:{index}:{labels[index]}"
        for row, indexes in zip(values, best, strict=True)
        for index in indexes
    ]
