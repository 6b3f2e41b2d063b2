"""The pictures in a body of TF Serving's REST API: row format, column format, and the examples of a classification."""

import math
from collections.abc import Callable, Sequence
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from service.api import json_documents, uploads
from service.api.computing import Input
from service.api.json_documents import Document
from service.api.problems import RequestFault
from service.api.uploads import Upload
from service.manifest import INPUT_NAME

_ROWS, _COLUMNS, _EXAMPLES = "instances", "inputs", "examples"
_BASE64 = "b64"
_INT64 = 2**63

# Height, width, channels.
Shape = tuple[int, int, int]


class TensorError(ValueError):
    """The value is not such a tensor; the sentence says why."""


def are_rows(document: Document) -> bool:
    """Whether the body of a `:predict` is in row format; raises RequestFault if it is in neither or in both."""
    if _ROWS in document and _COLUMNS in document:
        raise _fault("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist")
    if _ROWS not in document and _COLUMNS not in document:
        raise _fault("Missing 'inputs' or 'instances' key")
    return _ROWS in document


def rows(document: Document, shape: Shape) -> list[Input]:
    """The elements of `instances`; raises RequestFault."""
    found = document[_ROWS]
    if not isinstance(found, list):
        raise _fault("Expecting 'instances' to be an list/array")
    if not found:
        raise _fault("No values in 'instances' array")
    named = _is_object(found[0])
    return [_image(at, _ROWS, _unnamed(at, row, named), shape) for at, row in enumerate(found)]


def _unnamed(at: int, row: object, named: bool) -> object:
    """What a row holds, without the input's name if the rows are `named`."""
    if _is_object(row) != named:
        mixed = "Expecting object but got list" if named else "Expecting value/list but got object"
        raise _fault(f"{mixed} at item {at} of input list")
    if not _is_object(row):
        return row
    if row.keys() != {INPUT_NAME}:
        raise _failed(at, _ROWS, f"JSON object keys must be equal to: {INPUT_NAME}")
    return row[INPUT_NAME]


def columns(document: Document, shape: Shape) -> list[Input]:
    """What `inputs` holds; raises RequestFault."""
    found = document[_COLUMNS]
    if _is_object(found):
        if INPUT_NAME not in found:
            raise _fault(f"Missing named input: {INPUT_NAME} in 'inputs' object.")
        found = found[INPUT_NAME]
    if not isinstance(found, list) or not found:
        got = json_documents.shown(found)
        raise _fault(f"Expecting shape {_braced((-1, *shape))} or a list of files, but got: {got}")
    return [_image(at, _COLUMNS, one, shape) for at, one in enumerate(found)]


def examples(document: Document, shape: Shape) -> list[Input]:
    """The examples of a classification, each with what `context` holds; raises RequestFault."""
    if _EXAMPLES not in document:
        raise _fault("When method is classify, key 'examples' is expected and was not found")
    found, context = document[_EXAMPLES], document.get("context", {})
    if not isinstance(found, list) or not found:
        raise _fault("Expecting 'examples' value to be an list/array with at least one example")
    if not all(isinstance(one, dict) for one in [context, *found]):
        raise _fault("Example must be JSON object")
    return [_example(at, context | one, shape) for at, one in enumerate(found)]


def _example(at: int, features: Document, shape: Shape) -> Input:
    """The image of one example; its other features are ignored, as TF Serving does."""
    if INPUT_NAME not in features:
        raise _failed(at, _EXAMPLES, f"the feature {INPUT_NAME} is missing")
    value = features[INPUT_NAME]
    if not _is_base64(value):
        _check_feature(value if isinstance(value, list) else [value])
    return _image(at, _EXAMPLES, value, shape, _flat_tensor)


def _check_feature(values: list[object]) -> None:
    """TF Serving's own rules for a feature, but that lists may be nested as the signature says."""
    for one in values:
        if one is None or isinstance(one, dict):
            raise _fault(f"{INPUT_NAME} has element with unexpected JSON type: {json_documents.kind(one)}")
    if {int, float} <= set(map(type, values)):
        raise _fault(f"{INPUT_NAME} has elements of different types, expecting type: int64")
    if any(isinstance(one, int) and not -_INT64 <= one < _INT64 for one in values):
        raise _fault(f"{INPUT_NAME} has an element that is too large: Only int64_t is supported")


def _tensor(value: object, shape: Shape) -> NDArray[np.uint8]:
    """A uint8 array of that shape; the axis of a single channel may be left out. Raises TensorError."""
    sent, numbers = json_documents.flatten(value)
    data = _bytes(numbers)
    if len(data) != math.prod(shape):
        raise TensorError(f"Expecting tensor size: {math.prod(shape)} but got: {len(data)}")
    if sent is None or shape not in (sent, (*sent, 1)):
        got = "lists of different lengths" if sent is None else _braced(sent)
        raise TensorError(f"Expecting shape {_braced(shape)} but got: {got}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _flat_tensor(value: object, shape: Shape) -> NDArray[np.uint8]:
    """The same, or from one list of all its numbers, row by row."""
    sent, numbers = json_documents.flatten(value)
    if sent != (math.prod(shape),):
        return _tensor(value, shape)
    return np.frombuffer(_bytes(numbers), np.uint8).reshape(shape)


def _bytes(numbers: list[object]) -> bytes:
    """Whole numbers from 0 to 255, a byte each."""
    if (data := json_documents.as_uint8(numbers)) is not None:
        return data
    wrong = next(one for one in numbers if type(one) is not int or not 0 <= one <= 255)
    raise TensorError(
        f"JSON Value: {json_documents.shown(wrong)} Type: {json_documents.kind(wrong)} is not of expected type: uint8; "
        "a pixel is a whole number from 0 to 255, scaling is inside the model"
    )


def _braced(shape: Sequence[int]) -> str:
    """A shape as TF Serving writes it."""
    return f"{{{','.join(map(str, shape))}}}"


def _image(
    at: int,
    key: str,
    value: object,
    shape: Shape,
    tensor: Callable[[object, Shape], Input] = _tensor,
) -> Input:
    """An encoded file, or the tensor of one picture."""
    if _is_base64(value):
        try:
            return Upload(uploads.from_base64(value[_BASE64]), None)
        except ValueError as error:
            raise _failed(at, key, f"Unable to base64 decode: {error}") from error
    try:
        return tensor(value, shape)
    except TensorError as error:
        raise _failed(at, key, str(error)) from error


def _is_base64(value: object) -> TypeGuard[Document]:
    return isinstance(value, dict) and value.keys() == {_BASE64} and isinstance(value[_BASE64], str)


def _is_object(value: object) -> TypeGuard[Document]:
    """Whether a value is an object that is not TF Serving's way to write bytes."""
    return isinstance(value, dict) and not _is_base64(value)


def _failed(at: int, key: str, text: str) -> RequestFault:
    return _fault(f"Failed to process element: {at} of '{key}' list. Error: {text}")


def _fault(text: str) -> RequestFault:
    return RequestFault("bad_request", text)
