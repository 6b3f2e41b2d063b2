"""A connection whose requests are collected whole, without ever blocking, before a thread is spent on them.

Only collected: gunicorn's own parser says what a request means. It reads what was collected and nothing else, so that a
body that has not arrived in full ends, for whoever reads it, where it is.
"""

import enum
import os
import socket
import time

from gunicorn.config import Config
from gunicorn.http import Request, RequestParser
from gunicorn.http.body import ChunkedReader
from gunicorn.http.unreader import Unreader
from gunicorn.workers.gthread import TConn

from service.server.chunks import Chunks
from service.server.outgoing import Outgoing

MOST_HEAD_BYTES = 64 * 1024
_PIECE = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"


class Phase(enum.Enum):
    """What a connection waits for."""

    IDLE = "the first byte of a request"
    HEAD = "head"
    BODY = "body"
    ANSWER = "the client to take its answer"
    CLOSING = "the client's end, after ours"


class HeadTooLong(Exception):
    """Request line and headers exceed MOST_HEAD_BYTES."""


class Connection(TConn):  # type: ignore[misc]
    """One client's connection, and the request that is arriving on it."""

    def __init__(self, cfg: Config, sock: socket.socket, client: object, server: object) -> None:
        self.outgoing = Outgoing(sock)
        super().__init__(cfg, self.outgoing, client, server)
        # gunicorn has it so in its threads; every call of ours asks not to wait.
        self.outgoing.setblocking(True)
        self._received = _Received()
        self.parser = _Parser(cfg, self._received, client)
        self.initialized = True
        self.phase = Phase.IDLE
        self.since = self.expires = 0.0
        # When the last of what has come did; of what waited behind another request, when that was answered.
        self.came = 0.0
        self._chunks: Chunks | None = None
        self._is_too_large = False

    @property
    def request(self) -> Request | None:
        """The parsed request; None until its head is whole, and where that is malformed."""
        return self.parser.parsed

    @property
    def is_refused(self) -> bool:
        """Whether the request, which can be handed to a thread, is malformed or too large: nothing will be computed."""
        return self.request is None or self._is_too_large or (self._chunks is not None and self._chunks.is_broken)

    @property
    def held(self) -> int:
        """Bytes that are kept, either way."""
        return self._received.size + self.outgoing.kept

    def receive(self) -> bytes | None:
        """What has come: empty at the end of the stream, None if nothing has. Raises OSError as sockets do."""
        try:
            data = self.outgoing.recv(_PIECE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        self.came = time.monotonic()
        return data

    def wait(self, seconds: float) -> None:
        """Says for how long from now its phase may last."""
        self.since = time.monotonic()
        self.expires = self.since + seconds

    def begin(self) -> bytes:
        """Goes on to the next request; returns what of it has come already (pipelining)."""
        self.phase, self.parser.parsed, self.came = Phase.IDLE, None, time.monotonic()
        self._chunks, self._is_too_large = None, False
        return self._received.take()

    def feed(self, data: bytes, most_body_bytes: int) -> bool:
        """Takes what has come; whether the request can be handed to a thread.

        It can if it is whole, or malformed, or has a body so large that the app will refuse it; the last is marked to
        close the connection. Raises HeadTooLong, CutTooSmall, or OSError as sockets do.
        """
        self._received.put(data)
        if self.phase is Phase.BODY:
            return self._has_body(self.request, data, most_body_bytes)
        self.phase = Phase.HEAD
        if not self._received.has_head():
            return False
        self.parser.parse()
        return self.request is None or self._begin_body(self.request, most_body_bytes)

    def cut(self) -> None:
        """Takes the request as it is; the connection ends with its answer."""
        assert self.request is not None
        self.request.force_close()

    def _begin_body(self, request: Request, most_body_bytes: int) -> bool:
        self.phase = Phase.BODY
        self._chunks = Chunks() if isinstance(request.body.reader, ChunkedReader) else None
        # A client may wait to be asked for its body, which gunicorn would do in a thread only.
        asked_for, request._expected_100_continue = request._expected_100_continue, False
        if self._has_body(request, self._received.peek() if self._chunks else b"", most_body_bytes):
            return True
        if asked_for:
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n", socket.MSG_DONTWAIT)
        return False

    def _has_body(self, request: Request, data: bytes, most_body_bytes: int) -> bool:
        if self._chunks:
            if self._chunks.end_with(data):
                return True
            expected = self._received.size
        elif (expected := request.body.reader.length) <= self._received.size:
            return True
        self._is_too_large = expected > most_body_bytes
        if self._is_too_large:
            self.cut()
        return self._is_too_large


class _Received(Unreader):  # type: ignore[misc]
    """What has come and was not parsed yet."""

    # The parser copies what is left of a piece for each chunk it finds there, and of a body for each piece.
    _LEAST, _MOST = 8192, 2**20

    def __init__(self) -> None:
        super().__init__()
        self._bytes = bytearray()

    @property
    def size(self) -> int:
        return int(self.buf.seek(0, os.SEEK_END)) + len(self._bytes)

    def put(self, data: bytes) -> None:
        self._bytes += data

    def chunk(self, size_hint: int | None = None) -> bytes:
        data = bytes(self._bytes[: min(max(size_hint or 0, self._LEAST), self._MOST)])
        del self._bytes[: len(data)]
        return data

    def has_head(self) -> bool:
        """Whether the parser will find the end of a head, or know that there is none."""
        if self._bytes.find(_END_OF_HEAD, 0, MOST_HEAD_BYTES + len(_END_OF_HEAD)) >= 0:
            return True
        if len(self._bytes) > MOST_HEAD_BYTES:
            raise HeadTooLong
        return self._bytes.count(b"\n") != self._bytes.count(b"\r\n")

    def peek(self) -> bytes:
        return b"".join((self.buf.getvalue(), self._bytes))

    def take(self) -> bytes:
        data = b"".join((self.take_buffered(), self._bytes))
        self._bytes.clear()
        return data


class _Parser(RequestParser):  # type: ignore[misc]
    """The parser, asked in the loop; its word is given out in the thread that serves the request."""

    def __init__(self, cfg: Config, received: _Received, client: object) -> None:
        super().__init__(cfg, (), client)
        self.unreader = received
        self.parsed: Request | None = None
        self._fault: Exception | None = None

    def parse(self) -> None:
        try:
            self.parsed = super().__next__()
        except Exception as fault:  # of any kind: gunicorn answers it, in the thread
            self._fault = fault

    def __next__(self) -> Request:
        if self._fault:
            raise self._fault
        return self.parsed
