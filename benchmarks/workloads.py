"""What is asked of every server: pictures, and the bodies that carry them in each form that some server takes."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Literal, NamedTuple

from benchmarks.preparation import digit, encoded, photo

Form = Literal["raw", "multipart", "json", "v2"]
_BOUNDARY = "a2b1f7c0d94e"
_BATCH = 100


class Body(NamedTuple):
    """What a request holds."""

    content_type: str
    data: bytes


class Workload(NamedTuple):
    """One kind of request: its name in words, its pictures, and the forms it may have.

    Without `forms` each server gets the pictures in the form that costs it least.
    """

    title: str
    pictures: Callable[[], Sequence[bytes]]
    connections: tuple[int, ...]
    forms: tuple[Form, ...] = ()


@cache
def small() -> bytes:
    """A 28×28 PNG."""
    return encoded(digit(), "PNG")


@cache
def large() -> bytes:
    """A 12-megapixel JPEG."""
    return encoded(photo(), "JPEG", quality=90)


WORKLOADS: Mapping[str, Workload] = {
    "png": Workload("one 28×28 PNG, in each server's lightest form", lambda: [small()], (1, 16, 64)),
    "png_multipart": Workload("one 28×28 PNG as multipart", lambda: [small()], (16,), ("multipart",)),
    "jpeg": Workload("one 12-megapixel JPEG", lambda: [large()], (4,)),
    "batch": Workload("100 PNGs as base64 in JSON", lambda: [small()] * _BATCH, (4,), ("json", "v2")),
    "batch_multipart": Workload("100 PNGs as multipart", lambda: [small()] * _BATCH, (4,), ("multipart",)),
}


def body(form: Form, pictures: Sequence[bytes]) -> Body:
    """The pictures in one form; `raw` takes a single one."""
    if form == "raw":
        (picture,) = pictures
        return Body("image/jpeg" if picture.startswith(b"\xff\xd8") else "image/png", picture)
    if form == "multipart":
        return Body(f"multipart/form-data; boundary={_BOUNDARY}", _multipart(pictures))
    texts = [base64.b64encode(picture).decode() for picture in pictures]
    held = {"images": texts} if form == "json" else _inference_request(texts)
    return Body("application/json", json.dumps(held).encode())


def _multipart(pictures: Sequence[bytes]) -> bytes:
    head = 'Content-Disposition: form-data; name="image"; filename="picture"\r\nContent-Type: application/octet-stream'
    parts = [f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode() + picture + b"\r\n" for picture in pictures]
    return b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])


def _inference_request(texts: Sequence[str]) -> dict[str, object]:
    """A request of the Open Inference Protocol, in MLServer's content type for files."""
    image = {"name": "image", "shape": [len(texts), 1], "datatype": "BYTES", "data": texts}
    return {"inputs": [image | {"parameters": {"content_type": "base64"}}]}
