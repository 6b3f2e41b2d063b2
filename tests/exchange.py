"""One HTTP request to the ASGI application without a server: as messages, from a client that may be slow or leave."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from service.asgi import Application, Message

Headers = Mapping[str, str]


class Exchange:
    """A request, and its answer once `run` has ended.

    After its chunks the body is complete, unless `is_complete` is false: then its client waits, until it has read an
    answer or `leave` is called. `events` are the messages in their order: "receive" at each call, else their types.
    """

    def __init__(
        self, method: str, path: str, *chunks: bytes, headers: Headers | None = None, is_complete: bool = True,
        query: str = "", raw_path: bytes | None = None,
    ) -> None:  # fmt: skip
        # A server ends each request that has no body by an empty chunk.
        self._chunks, self._is_complete = list(chunks or ([b""] if is_complete else [])), is_complete
        self._left = asyncio.Event()
        self.events: list[str] = []
        self.sent: list[Message] = []
        sent_headers = {name.lower(): value for name, value in (headers or {}).items()}
        if chunks and "content-length" not in sent_headers:
            sent_headers.setdefault("transfer-encoding", "chunked")
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": raw_path or quote(path).encode(),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent_headers.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("localhost", 80),
        }

    async def run(self, application: Application) -> "Exchange":
        """Has the application answer."""
        await application(self.scope, self._receive, self._send)
        return self

    def leave(self) -> None:
        """The client closes its connection."""
        self._left.set()

    async def _receive(self) -> Message:
        self.events.append("receive")
        if self._chunks:
            chunk = self._chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks) or not self._is_complete}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.events.append(message["type"])
        self.sent.append(message)
        if message.get("more_body"):
            self.leave()

    @property
    def status(self) -> HTTPStatus:
        """The answer's status."""
        return HTTPStatus(self.sent[0]["status"])

    @property
    def header_list(self) -> Sequence[tuple[str, str]]:
        """The answer's headers, as they were sent."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.sent[0]["headers"]]

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers by their names in lower case."""
        return {name.lower(): value for name, value in self.header_list}

    @property
    def body(self) -> bytes:
        """The answer's content."""
        return b"".join(message.get("body", b"") for message in self.sent[1:])
