"""The body of a request: all of it, and inflated if it was sent compressed."""

import zlib

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from service.api.problems import RequestFault

# zlib's names for the formats: 16 more is gzip's head and trailer around the same stream.
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body, inflated; at most `max_bytes` as it was sent and as it is returned.

    Raises RequestEntityTooLarge, UnsupportedMediaType, or RequestFault if it is cut short or cannot be inflated.
    """
    encoding = _encoding(request)
    data = _whole(request, max_bytes)
    return data if encoding is None else _inflated(data, encoding, max_bytes)


def _encoding(request: Request) -> str | None:
    name = request.headers.get("Content-Encoding", "").strip().lower()
    if name in ("", "identity"):
        return None
    if name not in _WINDOW_BITS:
        known = ", ".join(_WINDOW_BITS)
        raise UnsupportedMediaType(f"the Content-Encoding {name!r} is not supported; these are: {known}, or none")
    return name


def _whole(request: Request, max_bytes: int) -> bytes:
    """The body as it was sent.

    gunicorn ends a body where the connection ends, and werkzeug a chunked one at the limit: neither may pass for whole.
    """
    data = request.get_data(cache=False, parse_form_data=False)
    if len(data) > max_bytes or (request.content_length is None and len(data) == max_bytes):
        raise RequestEntityTooLarge
    if len(data) < (request.content_length or 0):
        raise RequestFault("incomplete_body", f"{len(data)} of {request.content_length} bytes arrived; send it again")
    return data


def _inflated(data: bytes, encoding: str, max_bytes: int) -> bytes:
    """One compressed stream, given up as soon as it is over the limit."""
    stream = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        # zlib stops there: a bomb costs no more than a body that is allowed.
        inflated = stream.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise RequestFault("bad_encoding", f"the body cannot be inflated as {encoding}: {error}") from error
    if len(inflated) > max_bytes:
        raise RequestEntityTooLarge
    if not stream.eof or stream.unused_data:
        fault = "goes on after its end" if stream.eof else "is cut short"
        raise RequestFault("bad_encoding", f"the body cannot be inflated as {encoding}: it {fault}")
    return inflated
