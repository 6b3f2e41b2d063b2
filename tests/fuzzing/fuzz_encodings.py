"""Any gzip body is decompressed as it was compressed, or refused; any wish for a compressed answer is met or not."""

import gzip
import zlib

from flask import Flask, Response, request

from service.api.encoding import compress, read_body
from service.errors import Fault

_APP = Flask("fuzzing")
_MAX_BYTES = 2**14
_ANSWER = b"answer" * 1000
WORDS = (b"gzip", b"identity", b"*", b";q=", b"0.5", b"nan", b", ", b"\x1f\x8b\x08", b"\xff\xff")


def seeds() -> list[bytes]:
    """A wish, a line's end, and the body."""
    body = b"hello" * 10
    return [
        b"gzip\n" + gzip.compress(body, mtime=0),
        b"br;q=0.5, *;q=0\n" + gzip.compress(body, mtime=0) * 2,
        b"identity\n" + body,
        b"gzip;q=nan, identity;q=0\n" + gzip.compress(bytes(100_000), mtime=0),
    ]


def one(data: bytes) -> None:
    """Sends the body, and asks for an answer."""
    wish, _, body = data.partition(b"\n")
    environment = {"HTTP_ACCEPT_ENCODING": wish.decode("latin-1"), "HTTP_CONTENT_ENCODING": "gzip"}
    with _APP.test_request_context("/", method="POST", data=body, environ_overrides=environment):
        response = compress(Response(_ANSWER))
        sent = response.get_data()
        assert (gzip.decompress(sent) if response.content_encoding == "gzip" else sent) == _ANSWER
        try:
            decompressed = read_body(request, _MAX_BYTES)
        except Fault:
            return
    assert len(decompressed) <= _MAX_BYTES and decompressed == zlib.decompress(body, 16 + zlib.MAX_WBITS)
