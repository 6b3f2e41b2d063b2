"""The ASGI application of a worker: limits, keys and admission on the event loop, then Flask in a thread.

A request passes `Application.__call__` from top to bottom: probe, preflight, key, body, turn to compute, Flask, answer.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Flask

from service import wsgi
from service.admission import Admission, Receive
from service.api import problems, telemetry
from service.api.browser import cross_origin_headers, is_preflight, preflight_headers, with_security_headers
from service.api.metrics import Metrics
from service.api.problems import RequestFault
from service.api.telemetry import RequestRecord
from service.auth import KeyFile
from service.bodies import Bodies, Body, discard
from service.errors import Fault, Forbidden, MethodNotAllowed, NotReady
from service.inference.registry import Registry
from service.inference.watch import Watch
from service.settings import Settings
from service.wsgi import Headers

Message = MutableMapping[str, Any]
Scope = Mapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

# Requests that compute nothing, such as GET, take a thread of their own pool.
_OTHER_THREADS = 2
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
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
        self.admission = Admission(settings.computing_threads, settings.max_wait_s)
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
        answer = answer._replace(headers=self._complete(headers, record, body, answer))
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
        environ = wsgi.environ(scope, content) | {telemetry.ENVIRON_KEY: record}
        if method == "POST" and _COMPUTING_PATHS.fullmatch(path):
            try:
                return await self.admission.run(partial(self._call_flask, environ, record), record, receive)
            except Fault:
                environ.clear()  # the pool lets go of a cancelled job, and so of the body, only in its turn
                raise
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

    def _call_flask(self, environ: dict[str, Any], record: RequestRecord) -> Answer:
        """Runs the Flask application in this thread."""
        return self._finish(record, *wsgi.call(self.flask.wsgi_app, environ))

    def _finish(self, record: RequestRecord, status: int, headers: Headers, body: bytes) -> Answer:
        """Logs and counts a request that is answered."""
        record.finish(status, len(body))
        self._metrics.count_request(record)
        return Answer(status, headers, body)

    def _refusal(self, path: str, record: RequestRecord, fault: Fault) -> Answer:
        """The answer to a request that Flask does not see."""
        problem = problems.of_fault(path, record.request_id, fault)
        record.code = problems.code_of(fault)
        headers = wsgi.encoded([("Content-Type", problem.media_type), *problem.headers.items()])
        return self._finish(record, problem.status, headers, problem.content.encode())

    def _json(
        self, record: RequestRecord, status: int, content: Mapping[str, object], *headers: tuple[bytes, bytes]
    ) -> Answer:
        return self._finish(record, status, [*_JSON, *headers], json.dumps(content).encode() + b"\n")

    def _complete(self, headers: Mapping[bytes, bytes], record: RequestRecord, body: Body, answer: Answer) -> Headers:
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
        headers = self._complete({}, record, Body(whole=False), answer)
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
        export = asyncio.create_task(self.admission.export_load(self._metrics.set_load))
        await send({"type": "lifespan.startup.complete"})
        with suppress(asyncio.CancelledError):  # a quick stop does not wait for this coroutine
            await receive()
        export.cancel()
        if watch:
            watch.stop()
        await send({"type": "lifespan.shutdown.complete"})


async def _send(answer: Answer, is_head: bool, body: Body, receive: Receive, send: Send) -> None:
    """Sends an answer; drops what still comes of a body that was refused."""
    headers = answer.headers
    if not any(name.lower() == b"content-length" for name, _ in headers) and answer.status not in _WITHOUT_BODY:
        headers = [*headers, (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    content = b"" if is_head else answer.body
    if not body.whole:
        await send({"type": "http.response.body", "body": content, "more_body": True})
        await discard(receive)
        content = b""
    await send({"type": "http.response.body", "body": content})


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


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")
