"""A client that sends any bytes and reads HTTP's answers one by one."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tests.integration.server import Server

# Generous: reached only where an answer is missing.
_LONGEST_S = 60


class Answer(NamedTuple):
    """One whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)


class Wire:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._come = b""

    def send(self, data: bytes) -> None:
        """Sends bytes, whatever they are."""
        self.socket.sendall(data)

    def answer(self) -> Answer | None:
        """The next answer, None where the connection ends before it begins; one that is cut is a ConnectionError."""
        while b"\r\n\r\n" not in self._come:
            if not self._more():
                return None
        head, _, self._come = self._come.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(self._come) < length:
            if not self._more():
                raise ConnectionError(f"{len(self._come)} of {length} bytes, then the end")
        body, self._come = self._come[:length], self._come[length:]
        return Answer(int(first.split()[1]), headers, body)

    def answered(self) -> Answer:
        """The next answer, which must come."""
        answer = self.answer()
        assert answer is not None, "the connection ended without an answer"
        return answer

    def _more(self) -> bool:
        data = self.socket.recv(65536)
        if not data and self._come:
            raise ConnectionError("the connection ended in the middle of an answer")
        self._come += data
        return bool(data)


@contextmanager
def wire(server: Server) -> Iterator[Wire]:
    """A connection to the service."""
    with socket.create_connection(address(server), timeout=_LONGEST_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Wire(connection)


def address(server: Server) -> tuple[str, int]:
    """Host and port of the service."""
    host, port = server.url.removeprefix("http://").split(":")
    return host, int(port)


def post(path: str, body: bytes, *headers: str, version: str = "1.1") -> bytes:
    """A whole request."""
    lines = [f"POST {path} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(path: str, *parts: bytes) -> bytes:
    """A whole request whose body comes in these chunks."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


GET_LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
