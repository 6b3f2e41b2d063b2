"""Any compressed body is inflated as it was deflated, or refused; any wish for a compressed answer is met or not."""

import gzip
import zlib
from collections.abc import Callable

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from service.api.bodies import read_body
from service.api.deflated import deflated
from service.api.problems import RequestFault

_APP = Flask("fuzzing")
_MOST_BYTES = 2**14
_NAMES = ("gzip", "x-gzip", "deflate")
_ANSWER = b"answer" * 1000
_OPENED: dict[str | None, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}
WORDS = (
    b"gzip",
    b"deflate",
    b"identity",
    b"*",
    b";q=",
    b"0.5",
    b"nan",
    b", ",
    b"\x1f\x8b\x08",
    b"\x78\x9c",
    b"\xff\xff",
)


def seeds() -> list[bytes]:
    """A wish, a line's end, a number for the encoding, and the body."""
    body = b"hello" * 10
    return [
        b"gzip\n\0" + gzip.compress(body, mtime=0),
        b"deflate;q=0.5, *;q=0\n\2" + zlib.compress(body),
        b"*\n\1" + gzip.compress(body, mtime=0) * 2,
        b"gzip;q=nan, identity;q=0\n\2" + zlib.compress(bytes(100_000)),
    ]


def one(data: bytes) -> None:
    """Sends the body, and asks for an answer."""
    wish, _, rest = data.partition(b"\n")
    number, body = (rest[:1] or b"\0")[0], rest[1:]
    encoding = _NAMES[number % len(_NAMES)]
    environment = {"HTTP_ACCEPT_ENCODING": wish.decode("latin-1"), "HTTP_CONTENT_ENCODING": encoding}
    with _APP.test_request_context("/", method="POST", data=body, environ_overrides=environment):
        response = deflated(Response(_ANSWER))
        assert _OPENED[response.content_encoding](response.get_data()) == _ANSWER
        try:
            inflated = read_body(request, _MOST_BYTES)
        except (RequestFault, HTTPException):
            return
    window = zlib.MAX_WBITS if encoding == "deflate" else 16 + zlib.MAX_WBITS
    assert len(inflated) <= _MOST_BYTES and inflated == zlib.decompress(body, window)
