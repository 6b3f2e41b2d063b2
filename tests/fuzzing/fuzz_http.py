"""Any bytes of a connection are the requests that gunicorn's own parser finds in them, however they are cut.

Where the worker, which collects without blocking, thinks that a request ends must be where the parser ends it: the rest
would be taken for the next request.
"""

import random
import socket
from collections.abc import Iterator
from typing import NamedTuple

from gunicorn.config import Config
from gunicorn.http import RequestParser
from gunicorn.http.errors import NoMoreData, ParseException
from service.server.connection import Connection, HeadTooLong
from service.server.reception import pass_over_body

from tests.integration.wire import GET_LIVE, chunked, post

_CLIENT = ("127.0.0.1", 1)
_MOST_BODY_BYTES = 4096
WORDS = (
    b"\r\n", b"\r\n\r\n", b"\n\n", b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n",
    b"5\r\nhello\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"HTTP/1.0", b"HTTP/1.1", b";a=b",
    b"ffffffffffffffff", b"+5", b"0x5", b" \r\n", b"\t", b"Trailer: a\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"identity", b"gzip, chunked",
)  # fmt: skip


class Read(NamedTuple):
    """A request, or the fault in it."""

    head: tuple[object, ...]
    body: bytes | None


def _config() -> Config:
    config = Config()
    config.set("forwarder_headers", "")
    return config


_CONFIG = _config()


def seeds() -> list[bytes]:
    """The first byte says how the rest is cut."""
    whole = post("/models/mnist/predict?top_k=1", b"hello", "Content-Type: image/png")
    return [
        b"\0" + whole + GET_LIVE,
        b"\1" + chunked("/a", b"hello", b"x" * 20) + GET_LIVE,
        b"\2" + post("/b", b"", "Expect: 100-continue", version="1.0"),
        b"\3POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"
        + whole,
        b"\4GET / HTTP/1.1\nHost: x\n\n",
        b"\5" + GET_LIVE * 3,
    ]


def one(data: bytes) -> None:
    """Compares what both find."""
    if not data:
        return
    theirs = _by_gunicorn(data[1:])
    for ours in _by_us(data[1:], random.Random(data[0])):
        expected = next(theirs, None)
        assert ours == expected, (ours, expected)


def _by_us(data: bytes, chance: random.Random) -> Iterator[Read]:
    """Every request that is handed to a thread, as that reads it; until one that ends the connection."""
    here, there = socket.socketpair()
    connection = Connection(_CONFIG, here, _CLIENT, _CLIENT)
    with connection.outgoing, there:
        pieces = list(_cut(data, chance))
        while pieces:
            try:
                is_ready = connection.feed(pieces.pop(0), _MOST_BODY_BYTES)
            except HeadTooLong:
                return
            if is_ready:
                if connection.request is not None and _is_too_large(connection):
                    return
                found = _read(connection.parser)
                yield found
                if found.body is None or connection.request is None or connection.request.should_close():
                    return
                assert pass_over_body(connection)
                if rest := connection.begin():
                    pieces.insert(0, rest)


def _is_too_large(connection: Connection) -> bool:
    """Whether the app will refuse it for its size, and it was not collected whole therefore."""
    assert connection.request is not None
    return connection.request.must_close and connection.held < _declared(connection)


def _declared(connection: Connection) -> int:
    assert connection.request is not None
    return int(getattr(connection.request.body.reader, "length", 2**62))


def _cut(data: bytes, chance: random.Random) -> Iterator[bytes]:
    while data:
        size = chance.choice((1, 2, 7, 100, len(data)))
        yield data[:size]
        data = data[size:]


def _by_gunicorn(data: bytes) -> Iterator[Read]:
    parser = RequestParser(_CONFIG, iter([data]), _CLIENT)
    while True:
        found = _read(parser)
        yield found
        if found.body is None:
            return


def _read(parser: RequestParser) -> Read:
    try:
        request = next(parser)
    except (ParseException, StopIteration):
        return Read((), None)
    head = (request.method, request.uri, request.version, tuple(request.headers))
    try:
        return Read(head, request.body.read())
    except (ParseException, NoMoreData):
        return Read(head, None)
