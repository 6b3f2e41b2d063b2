"""Reads request bodies within limits of size, time and memory."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from service.errors import Abandoned, BodyTooLarge, Overloaded, RequestTimeout

_RETRY_AFTER_S = 1
# How long and how much of a refused body is read and dropped, so that its client reads the refusal.
_DISCARD_S, _DISCARD_BYTES = 2.0, 64 * 2**20


@dataclass(eq=False, slots=True)
class Body:
    """What has come of a request's body; `size` in bytes."""

    whole: bool
    size: int = 0
    timeout: asyncio.Timeout | None = None
    evicted: bool = False


class Bodies:
    """The bodies of all requests in hand; for one event loop."""

    def __init__(self, max_request_bytes: int, timeout_s: float, max_held_bytes: int) -> None:
        self._max_request_bytes, self._timeout_s, self._max_held_bytes = max_request_bytes, timeout_s, max_held_bytes
        self._held_bytes = 0
        self._incomplete: set[Body] = set()

    async def read(
        self, body: Body, content_length: bytes | None, receive: Callable[[], Awaitable[Mapping[str, Any]]]
    ) -> bytes:
        """The whole body.

        Raises BodyTooLarge, RequestTimeout, Abandoned if the client disconnects, or Overloaded if all bodies together
        are over their limit and this one is the largest that is not whole.
        """
        if body.whole:
            return b""
        if content_length and int(content_length) > self._max_request_bytes:
            raise self._too_large()
        self._incomplete.add(body)
        try:
            async with asyncio.timeout(self._timeout_s) as body.timeout:
                return await self._collect(body, receive)
        except TimeoutError:
            if body.evicted:
                text = "the service is busy: the requests it holds have too many bytes; try again later"
                raise Overloaded(text, _RETRY_AFTER_S) from None
            text = f"the body of the request did not arrive within {self._timeout_s:g} s"
            raise RequestTimeout(text) from None
        finally:
            self._incomplete.discard(body)

    async def _collect(self, body: Body, receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> bytes:
        pieces = []
        while not body.whole:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Abandoned("the client closed its connection before the request was complete")
            pieces.append(message["body"])
            body.whole = not message.get("more_body", False)
            self._add(body, len(message["body"]))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _add(self, body: Body, size: int) -> None:
        body.size += size
        self._held_bytes += size
        if body.size > self._max_request_bytes:
            raise self._too_large()
        while self._held_bytes > self._max_held_bytes and self._incomplete:
            self._evict(max(self._incomplete, key=lambda one: one.size))

    def _evict(self, body: Body) -> None:
        """Has the reader of a body give up at once."""
        body.evicted = True
        self._incomplete.discard(body)
        self.release(body)
        if body.timeout:
            body.timeout.reschedule(asyncio.get_running_loop().time())

    def release(self, body: Body) -> None:
        """Takes a body out of the account of bytes; to be called once its request is answered."""
        self._held_bytes -= body.size
        body.size = 0

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"the request is too large: at most {self._max_request_bytes} bytes")


async def discard(receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
    """Reads on for a while: a connection that is closed on unread bytes is reset, and its client loses the answer."""
    left = _DISCARD_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_S):
            while left > 0 and (message := await receive()).get("more_body"):
                left -= len(message["body"])
