"""The ASGI application of a worker: limits, keys and admission on the event loop, then Flask in a thread.

A request passes `Application.__call__` from top to bottom: probe, preflight, key, body, turn to compute, Flask, answer.
"""

import asyncio
import json
import math
import random
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from flask import Flask

from service.api import problems, telemetry
from service.api.browser import cross_origin_headers, is_preflight, preflight_headers, with_security_headers
from service.api.metrics import Metrics
from service.api.problems import RequestFault
from service.api.telemetry import RequestRecord
from service.auth import KeyFile
from service.bodies import Bodies, Body
from service.errors import Abandoned, DeadlinePassed, Fault, Forbidden, MethodNotAllowed, NotReady, Overloaded
from service.inference.registry import Registry
from service.inference.watch import Watch
from service.settings import Settings

Message = MutableMapping[str, Any]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Requests that compute nothing, such as GET, take a thread of their own pool.
_OTHER_THREADS = 2
# Requests at hand for a computing thread that gets free: it need not wait for the event loop.
_NEXT_REQUESTS = 1
# A client that disconnects is noticed after this time at the earliest; watching each short request would cost more.
_WATCH_AFTER_S = 0.05
_EXPORT_INTERVAL_S = 0.25
# How long and how much of a refused body is read and dropped, so that its client reads the refusal.
_DISCARD_S, _DISCARD_BYTES = 2.0, 64 * 2**20
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
# The body is in memory, whole: only its length is left to say.
_BODY_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_JSON: Headers = [(b"content-type", b"application/json")]
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
# What a probe that succeeds answers; `live` beside `ready` is for readers of a misprint in the protocol.
PROBES: Mapping[str, Mapping[str, object]] = {
    "/livez": {"status": "live"},
    "/readyz": {"status": "ready"},
    "/v2/health/live": {"live": True},
    "/v2/health/ready": {"ready": True, "live": True},
}
_COMPUTING_PATHS = re.compile(r"/models/.*/predict|/v1/.*:(?:predict|classify)|/v2/.*/infer")


class Answer(NamedTuple):
    """A whole response."""

    status: int
    headers: Headers
    body: bytes


class Application:
    """A worker's ASGI application."""

    def __init__(
        self, flask: Flask, registry: Registry, metrics: Metrics, key_file: KeyFile | None, settings: Settings
    ) -> None:
        self.flask = flask
        self.registry, self.settings = registry, settings
        self._metrics, self._key_file = metrics, key_file
        self._bodies = Bodies(settings.max_request_bytes, settings.body_timeout_s, settings.max_held_bytes)
        self._turns = asyncio.Semaphore(settings.computing_threads + _NEXT_REQUESTS)
        self._waiting = self._computing = 0
        self._compute_pool = ThreadPoolExecutor(settings.computing_threads, "compute")
        self._other_pool = ThreadPoolExecutor(_OTHER_THREADS, "other")
        self.stopping = False
        """Whether /readyz says that the service is stopping."""
        self.closing = False
        """Whether each answer is the last one on its connection."""
        self.on_startup: Callable[[], None] = lambda: None
        """Called on the event loop once signals are handled and before the first connection is accepted."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the worker's start and end."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        record = _record(scope, headers)
        body = Body(whole=b"content-length" not in headers and b"transfer-encoding" not in headers)
        try:
            answer = await self._answer(scope, headers, receive, record, body)
        except Fault as fault:
            answer = self._refusal(scope["path"], record, fault)
        except asyncio.CancelledError:  # the time to finish requests while stopping is over
            answer = self._refusal(scope["path"], record, NotReady("the service is stopping; send the request again"))
        finally:
            self._bodies.release(body)
        answer = answer._replace(headers=self._complete(scope, headers, record, body, answer))
        try:
            await _send(answer, scope["method"] == "HEAD", body, receive, send)
        except RuntimeError:
            # uvloop raises it for a connection that was lost a moment ago: in the next turn uvicorn knows of it too.
            await asyncio.sleep(0)

    async def _answer(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, record: RequestRecord, body: Body
    ) -> Answer:
        """The answer to a request; raises Fault to refuse it."""
        path, method = scope["path"], scope["method"]
        if path in PROBES:
            return self._probe(path, record)
        if self.settings.cors_origins and is_preflight(method, headers):
            return self._finish(record, HTTPStatus.NO_CONTENT, preflight_headers(), b"")
        if self._key_file and method != "OPTIONS":
            self._check_key(self._key_file, path, headers, record)
        timeout_s = _timeout_s(headers.get(b"x-request-timeout"))
        content = await self._bodies.read(body, headers.get(b"content-length"), receive)
        record.bytes_in, record.received = body.size or record.bytes_in, time.monotonic()
        if timeout_s is not None:
            record.limit_time(timeout_s)
        environ = _environ(scope, content, record)
        if method == "POST" and _COMPUTING_PATHS.fullmatch(path):
            return await self._compute(environ, record, receive)
        return await asyncio.get_running_loop().run_in_executor(self._other_pool, self._call_flask, environ, record)

    def _probe(self, path: str, record: RequestRecord) -> Answer:
        """Liveness and readiness, answered on the event loop."""
        record.route = path
        if record.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{record.method} is not allowed at {path}; allowed: GET, HEAD", "GET, HEAD")
        if "ready" in path and (reason := self.unready()):
            if path == "/readyz":
                raise NotReady(reason)
            record.code = NotReady.code
            again = (b"retry-after", str(problems.RETRY_AFTER_S).encode())
            return self._json(record, HTTPStatus.SERVICE_UNAVAILABLE, {"error": reason, "ready": False}, again)
        return self._json(record, HTTPStatus.OK, PROBES[path])

    def unready(self) -> str | None:
        """Why no new requests should be sent, in a sentence."""
        if self.stopping:
            return "the service is stopping; it still answers what it has accepted"
        return self.registry.unready()

    @staticmethod
    def _check_key(key_file: KeyFile, path: str, headers: Mapping[bytes, bytes], record: RequestRecord) -> None:
        try:
            key = key_file.check(path, _text(headers, b"authorization"), _text(headers, b"x-api-key"))
        except Forbidden as fault:
            record.key_name = fault.key_name
            raise
        record.key_name = key and key.name

    async def _compute(self, environ: dict[str, Any], record: RequestRecord, receive: Receive) -> Answer:
        """Flask's answer, once a computing thread is free.

        Raises Overloaded or DeadlinePassed if none is in time, and Abandoned if the client has gone meanwhile.
        """
        loop = asyncio.get_running_loop()
        await self._take_turn(record, receive)
        watch: list[asyncio.Task[None]] = []
        timer = loop.call_later(_WATCH_AFTER_S, lambda: watch.append(loop.create_task(_watch(receive, record))))
        self._computing += 1
        try:
            return await loop.run_in_executor(self._compute_pool, self._call_flask, environ, record)
        finally:
            self._computing -= 1
            self._turns.release()
            timer.cancel()
            for task in watch:
                task.cancel()

    async def _take_turn(self, record: RequestRecord, receive: Receive) -> None:
        """Waits for a computing thread, first come, first served."""
        if not self._turns.locked():
            await self._turns.acquire()
        else:
            await self._wait(record)
            if await _has_gone(receive):
                self._turns.release()
                raise Abandoned("the client closed its connection while the request waited for its turn")
        record.stages_s["queue"] = time.monotonic() - record.received

    async def _wait(self, record: RequestRecord) -> None:
        latest = record.received + self.settings.max_wait_s
        latest = latest if record.deadline is None else min(latest, record.deadline)
        is_own = latest == record.deadline
        self._waiting += 1
        try:
            async with asyncio.timeout(latest - time.monotonic()):
                await self._turns.acquire()
        except TimeoutError:
            if is_own:
                text = "the time that the request allowed is over; nothing was computed for it"
                raise DeadlinePassed(text) from None
            text = f"the service is busy: no turn came within {self.settings.max_wait_s:g} s; try again later"
            raise Overloaded(text, self._retry_after_s()) from None
        finally:
            self._waiting -= 1

    def _retry_after_s(self) -> int:
        """By chance up to twice the longest wait: clients that were refused together must not come back together."""
        return random.randint(1, max(1, math.ceil(2 * self.settings.max_wait_s)))

    def _call_flask(self, environ: dict[str, Any], record: RequestRecord) -> Answer:
        """Runs the Flask application in this thread."""
        status, headers = "", list[tuple[str, str]]()

        def start_response(line: str, fields: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = line, fields
            return lambda data: None

        parts: Iterable[bytes] = self.flask.wsgi_app(environ, start_response)
        try:
            body = b"".join(parts)
        finally:
            if close := getattr(parts, "close", None):
                close()
        return self._finish(record, int(status[:3]), _encoded(headers), body)

    def _finish(self, record: RequestRecord, status: int, headers: Headers, body: bytes) -> Answer:
        """Logs and counts a request that is answered."""
        record.finish(status, len(body))
        self._metrics.count_request(record)
        return Answer(status, headers, body)

    def _refusal(self, path: str, record: RequestRecord, fault: Fault) -> Answer:
        """The answer to a request that Flask does not see."""
        problem = problems.of_fault(path, record.request_id, fault)
        record.code = problems.code_of(fault)
        headers = _encoded([("Content-Type", problem.media_type), *problem.headers.items()])
        return self._finish(record, problem.status, headers, problem.content.encode())

    def _json(
        self, record: RequestRecord, status: int, content: Mapping[str, object], *headers: tuple[bytes, bytes]
    ) -> Answer:
        return self._finish(record, status, [*_JSON, *headers], json.dumps(content).encode() + b"\n")

    def _complete(
        self, scope: Scope, headers: Mapping[bytes, bytes], record: RequestRecord, body: Body, answer: Answer
    ) -> Headers:
        """The headers of an answer, with those that every answer has."""
        complete = with_security_headers(answer.headers)
        complete.append((b"x-request-id", record.request_id.encode()))
        if record.stages_s:
            complete.append((b"server-timing", record.server_timing().encode()))
        if self.settings.cors_origins:
            complete += cross_origin_headers(self.settings.cors_origins, headers.get(b"origin"))
        if self.closing or not body.whole:
            complete.append((b"connection", b"close"))
        return complete

    def refuse_connection(self, fault: Fault) -> bytes:
        """A whole HTTP response to a client whose head never came, as bytes; counted and logged like the others."""
        record = RequestRecord(request_id=telemetry.request_id(""))
        answer = self._refusal("", record, fault)
        headers = self._complete({}, {}, record, Body(whole=False), answer)
        headers.append((b"content-length", str(len(answer.body)).encode()))
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}".encode()]
        return b"\r\n".join([*lines, *(b"%b: %b" % header for header in headers), b"", answer.body])

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Follows the models folder and exports gauges for as long as the worker serves."""
        await receive()
        self.on_startup()
        watch = Watch(self.registry, self.settings.poll_interval_s) if self.settings.poll_interval_s else None
        if watch:
            watch.start()
        export = asyncio.create_task(self._export_load())
        await send({"type": "lifespan.startup.complete"})
        with suppress(asyncio.CancelledError):  # a quick stop does not wait for this coroutine
            await receive()
        export.cancel()
        if watch:
            watch.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _export_load(self) -> None:
        """Keeps the gauges of waiting and computing requests up to date."""
        exported = None
        while True:
            load = (self._waiting, self._computing)
            if load != exported:
                self._metrics.set_load(*load)
                exported = load
            await asyncio.sleep(_EXPORT_INTERVAL_S)


async def _send(answer: Answer, is_head: bool, body: Body, receive: Receive, send: Send) -> None:
    """Sends an answer; drops what still comes of a body that was refused."""
    headers = answer.headers
    if not any(name.lower() == b"content-length" for name, _ in headers) and answer.status not in _WITHOUT_BODY:
        headers = [*headers, (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    content = b"" if is_head else answer.body
    if not body.whole:
        await send({"type": "http.response.body", "body": content, "more_body": True})
        await _discard(receive)
        content = b""
    await send({"type": "http.response.body", "body": content})


async def _discard(receive: Receive) -> None:
    """Reads on for a while: a connection that is closed on unread bytes is reset, and its client loses the answer."""
    left = _DISCARD_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_S):
            while left > 0 and (message := await receive()).get("more_body"):
                left -= len(message["body"])


async def _has_gone(receive: Receive) -> bool:
    """Whether the client of a request whose body is whole has closed its connection."""
    try:
        async with asyncio.timeout(0):
            return bool((await receive())["type"] == "http.disconnect")
    except TimeoutError:
        return False


async def _watch(receive: Receive, record: RequestRecord) -> None:
    """Tells the computing thread when the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
    record.client_gone = True


def _record(scope: Scope, headers: Mapping[bytes, bytes]) -> RequestRecord:
    length = _text(headers, b"content-length")
    return RequestRecord(
        method=scope["method"],
        request_id=telemetry.request_id(_text(headers, b"x-request-id")),
        trace_id=telemetry.trace_id(_text(headers, b"traceparent")) if b"traceparent" in headers else None,
        bytes_in=int(length) if length else None,
    )


def _timeout_s(header: bytes | None) -> float | None:
    """What X-Request-Timeout says; raises RequestFault if it is malformed."""
    if header is None:
        return None
    text = header.decode("latin-1")
    if not _SECONDS.fullmatch(text):
        raise RequestFault("bad_timeout", f"X-Request-Timeout must be seconds such as 2 or 0.5, not {text!r}")
    return float(text)


def _environ(scope: Scope, body: bytes, record: RequestRecord) -> dict[str, Any]:
    """The WSGI environ (PEP 3333) of a request whose body is in memory."""
    host, port = scope.get("server") or ("", None)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or ""),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        telemetry.ENVIRON_KEY: record,
    }
    for name, value in scope["headers"]:
        # An underscore would become the same name as a dash, and so pass for another header.
        if b"_" not in name and name not in _BODY_FRAMING:
            key = name.decode("latin-1").upper().replace("-", "_")
            key, text = key if key == "CONTENT_TYPE" else f"HTTP_{key}", value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


def _encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
