"""Requests of the Open Inference Protocol, and the inference request in full: JSON, and after it binary tensors."""

import math
import re
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from service.api import json_documents, uploads
from service.api.computing import Input
from service.api.json_documents import Document, shown
from service.api.problems import RequestFault
from service.api.uploads import Upload
from service.manifest import INPUT_NAME, OUTPUT_NAMES, Manifest, first_error

_Body = TypeVar("_Body", bound=BaseModel)
UINT8, BYTES = "UINT8", "BYTES"
LENGTH_HEADER = "Inference-Header-Content-Length"
_LENGTH_BYTES = 4
# No model has more inputs or outputs; a longer list is given up at once.
_MAX_TENSORS = 16
_Dimension = Annotated[StrictInt, Field(ge=0, lt=2**63)]


class _RequestPart(BaseModel):
    # Not strict as a whole: that would have models in models made beforehand.
    model_config = ConfigDict(extra="ignore", frozen=True)


class InferParameters(_RequestPart):
    """Of a whole request; `timeout` in microseconds, 0 for none."""

    timeout: Annotated[StrictInt, Field(ge=0, lt=2**63)] = 0
    binary_data_output: StrictBool = False


class InferInputParameters(_RequestPart):
    """Of one input: how many bytes of the binary part are its data."""

    binary_data_size: Annotated[StrictInt, Field(ge=0)] | None = None


class InferOutputParameters(_RequestPart):
    """Of one output: binary or JSON, and the classification extension's number of classes."""

    binary_data: StrictBool | None = None
    classification: Annotated[StrictInt, Field(ge=1)] | None = None


class InferInput(_RequestPart):
    """One tensor of a request; `data` is nested as the shape says or flat, and absent from a binary one."""

    name: StrictStr
    shape: Annotated[list[_Dimension], Field(max_length=_MAX_TENSORS, fail_fast=True)]
    datatype: StrictStr
    parameters: InferInputParameters | None = None
    data: list[Any] | None = None


class InferOutput(_RequestPart):
    """One output that is requested."""

    name: StrictStr
    parameters: InferOutputParameters | None = None


class InferBody(_RequestPart):
    """An inference request of the Open Inference Protocol; without `outputs` it asks for all."""

    id: StrictStr | None = None
    parameters: InferParameters | None = None
    inputs: Annotated[list[InferInput], Field(max_length=_MAX_TENSORS, fail_fast=True)]
    outputs: Annotated[list[InferOutput], Field(max_length=_MAX_TENSORS, fail_fast=True)] | None = None


class IndexBody(_RequestPart):
    """A request for the repository's index; `ready` leaves out what cannot answer."""

    ready: StrictBool = False


class RequestedOutput(NamedTuple):
    """An output that is to be sent; with `classes`, as that many of its highest values with their labels."""

    name: str
    binary: bool
    classes: int | None = None


class InferRequest(NamedTuple):
    """A valid request; `timeout_s` is how long the caller waits for its answer."""

    id: str
    inputs: Sequence[Input]
    outputs: Sequence[RequestedOutput]
    timeout_s: float | None = None


def read(body: bytes, header: str | None, manifest: Manifest, max_images: int) -> InferRequest:
    """A request to a model; `header` is that of LENGTH_HEADER, 0 for a body that is nothing but one image's bytes.

    Raises RequestFault or TooManyImages.
    """
    head, tail = _split(body, header)
    if header is not None and not head:
        return InferRequest(
            _new_id(), [_raw(tail, manifest)], [RequestedOutput(name, binary=True) for name in OUTPUT_NAMES]
        )
    document = _document(head, header, json_documents.max_values(manifest.input.shape, max_images))
    sent = validated(InferBody, document)
    parameters = sent.parameters or InferParameters()
    return InferRequest(
        _new_id() if sent.id is None else sent.id,
        _images(_only(sent.inputs, manifest), tail, manifest, max_images),
        _requested(sent.outputs, parameters.binary_data_output, manifest),
        parameters.timeout / 1e6 if parameters.timeout else None,
    )


def accepted(manifest: Manifest) -> str:
    """In words, what the model's input may be."""
    return f"{UINT8} of shape {[-1, *manifest.input.shape]}, or {BYTES} of shape [-1], each an encoded image file"


def _new_id() -> str:
    return uuid.uuid4().hex


def _split(body: bytes, header: str | None) -> tuple[bytes, bytes]:
    """The JSON, and what follows it."""
    if header is None:
        return body, b""
    if not re.fullmatch("[0-9]{1,18}", header) or int(header) > len(body):
        raise RequestFault(
            "bad_header_length",
            f"{LENGTH_HEADER} must be the length of the JSON, a number from 0 to the body's {len(body)} bytes, "
            f"not {header!r}",
        )
    return body[: int(header)], body[int(header) :]


def _document(head: bytes, header: str | None, most: int) -> Document:
    try:
        return json_documents.parse(head, most)
    except RequestFault as wrong:
        if header is not None:
            raise
        hint = f"before binary tensors, the header {LENGTH_HEADER} says where the JSON ends"
        raise RequestFault(wrong.code, f"{wrong.text}; {hint}") from wrong


def validated(schema: type[_Body], document: Document) -> _Body:
    """A document in its schema; raises RequestFault naming the first place where it breaks it."""
    try:
        return schema.model_validate(document)
    except ValidationError as error:
        raise RequestFault("bad_json", first_error(error, "body")) from error


def _raw(body: bytes, manifest: Manifest) -> Input:
    expected = math.prod(manifest.input.shape)
    if len(body) != expected:
        raise _fault(
            f"with {LENGTH_HEADER}: 0 the body is one image {list(manifest.input.shape)} for model {manifest.name!r}, "
            f"which has {expected} bytes, not {len(body)}"
        )
    return _pixels(body, manifest.input.shape)


def _only(inputs: Sequence[InferInput], manifest: Manifest) -> InferInput:
    for one in inputs:
        if one.name != INPUT_NAME:
            raise _fault(f"unexpected input {shown(one.name)} for model {manifest.name!r}; its input is {INPUT_NAME!r}")
    if len(inputs) != 1:
        raise _fault(f"model {manifest.name!r} takes the input {INPUT_NAME!r} once, not {len(inputs)} times")
    return inputs[0]


def _images(sent: InferInput, tail: bytes, manifest: Manifest, max_images: int) -> Sequence[Input]:
    shapes = {UINT8: [list(manifest.input.shape)], BYTES: [[], [1]]}
    if sent.datatype not in shapes:
        raise _fault(f"input {sent.name!r} must be {accepted(manifest)}; it is {shown(sent.datatype)}")
    if not sent.shape or sent.shape[0] == 0 or sent.shape[1:] not in shapes[sent.datatype]:
        raise _fault(f"invalid shape {sent.shape} for input {sent.name!r}; it must be {accepted(manifest)}")
    uploads.check_count(sent.shape[0], max_images)
    try:
        return _files(sent, tail, manifest.name) if sent.datatype == BYTES else _arrays(sent, tail, manifest.name)
    except RequestFault as wrong:
        raise RequestFault(wrong.code, f"input {sent.name!r}: {wrong.text}") from wrong


def _arrays(sent: InferInput, tail: bytes, model: str) -> Sequence[Input]:
    data = _data(sent, tail, math.prod(sent.shape), model)
    raw = data if isinstance(data, bytes) else json_documents.as_uint8(_elements(data, sent.shape))
    if raw is None:
        raise _fault(f"its data must be whole numbers from 0 to 255, as {UINT8} is")
    return list(_pixels(raw, sent.shape))


def _pixels(raw: bytes, shape: Sequence[int]) -> NDArray[np.uint8]:
    return np.frombuffer(raw, np.uint8).reshape(shape)


def _files(sent: InferInput, tail: bytes, model: str) -> Sequence[Input]:
    data = _data(sent, tail, None, model)
    if isinstance(data, bytes):
        return [Upload(file, None) for file in _unpacked(data, sent.shape[0])]
    return [Upload(_decoded(index, text), None) for index, text in enumerate(_elements(data, sent.shape))]


def _elements(data: list[Any], shape: Sequence[int]) -> list[Any]:
    """A tensor's elements in row-major order, from a list that is nested as `shape` says or flat."""
    size = math.prod(shape)
    sent, found = json_documents.flatten(data)
    if sent not in ((size,), tuple(shape)):
        raise _fault(f"its data must be a flat list of {size} elements, or lists nested as {list(shape)} says")
    return found


def _unpacked(raw: bytes, count: int) -> list[bytes]:
    """The elements of a BYTES tensor in its binary layout: before each its length as four bytes, the lowest first."""
    strings, at = [], 0
    for index in range(count):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(raw[at:start], "little")
        if at > len(raw):
            raise _fault(f"its element {index} of {count} is cut short; each is its length as four bytes, then itself")
        strings.append(raw[start:at])
    if at < len(raw):
        raise _fault(f"{len(raw) - at} bytes follow its {count} elements")
    return strings


def _data(sent: InferInput, tail: bytes, expected: int | None, model: str) -> bytes | list[object]:
    """The input's bytes or its JSON list; `expected` bytes, where the shape says how many these are."""
    size = (sent.parameters or InferInputParameters()).binary_data_size
    if (size is None) == (sent.data is None):
        how_many = "both" if sent.data is not None else "neither"
        raise _fault(f"has {how_many} of data and the parameter binary_data_size; exactly one of them is needed")
    if size is not None and (size > len(tail) or size != (size if expected is None else expected)):
        raise _fault(
            f"unexpected size for input {sent.name!r}, expecting {size if expected is None else expected} additional "
            f"bytes for model {model!r}; binary_data_size is {size}, and {len(tail)} bytes follow the JSON"
        )
    if len(tail) > (size or 0):
        raise _fault(f"unexpected additional input data for model {model!r}: {len(tail) - (size or 0)} bytes")
    return tail if sent.data is None else sent.data


def _decoded(index: int, text: object) -> bytes:
    if not isinstance(text, str):
        raise _fault(f"its data must be strings with base64 of image files; element {index} is none")
    try:
        return uploads.from_base64(text)
    except ValueError as error:
        raise RequestFault("bad_base64", f"element {index} is not base64 of an image file: {error}") from error


def _requested(sent: Sequence[InferOutput] | None, binary: bool, manifest: Manifest) -> Sequence[RequestedOutput]:
    """The outputs in the order of the request; `binary` unless one says otherwise."""
    if not sent:
        return [RequestedOutput(name, binary) for name in OUTPUT_NAMES]
    names = [one.name for one in sent]
    for name in names:
        if name not in OUTPUT_NAMES or names.count(name) > 1:
            wrong = "output asked for twice" if name in OUTPUT_NAMES else "unexpected output"
            raise _fault(f"{wrong}: {shown(name)}; model {manifest.name!r} has: {', '.join(OUTPUT_NAMES)}")
    return [_requested_output(one, one.parameters or InferOutputParameters(), binary) for one in sent]


def _requested_output(sent: InferOutput, parameters: InferOutputParameters, binary: bool) -> RequestedOutput:
    told = parameters.binary_data
    return RequestedOutput(sent.name, binary if told is None else told, parameters.classification)


def _fault(text: str) -> RequestFault:
    """A tensor that is not what it says, or not what the model takes."""
    return RequestFault("bad_tensor", text)
