"""W3C Trace Context: a request belongs to its caller's trace, or begins one; the answer and the log name it."""

import random
import re
import sys
from typing import NamedTuple

from flask import Flask, Response, g, request

# Of version 00 nothing may follow; of a later version what follows is not for us.
_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})((?:-.*)?)")
_KEY = r"[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}"
_MEMBER = re.compile(
    rf"[ \t]*(?:(?:{_KEY})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,255}}[\x21-\x2b\x2d-\x3c\x3e-\x7e])?[ \t]*"
)
_MOST_MEMBERS, _MOST_STATE = 32, 512


class Trace(NamedTuple):
    """A span of our own within a trace, in hexadecimal; `state` is the caller's `tracestate`, untouched."""

    trace_id: str
    span_id: str
    flags: str
    state: str = ""

    @property
    def parent(self) -> str:
        """The header `traceparent` that names this span."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def of(traceparent: str, tracestate: str = "") -> Trace:
    """A new span in the trace that the headers name, or in a new one if they are not valid."""
    span_id = _random_hex(8)
    found = _PARENT.fullmatch(traceparent.strip())
    if not found or (found[1] == "00" and found[5]):
        return Trace(_random_hex(16), span_id, "00")
    return Trace(found[2], span_id, found[4], tracestate if _is_state(tracestate) else "")


def _random_hex(length_bytes: int) -> str:
    """Unlike the rest of the world's; not a secret, so it need not cost a call to the system."""
    return random.getrandbits(8 * length_bytes).to_bytes(length_bytes).hex()


def _is_state(text: str) -> bool:
    members = text.split(",")
    return len(text) <= _MOST_STATE and len(members) <= _MOST_MEMBERS and all(map(_MEMBER.fullmatch, members))


def init_app(app: Flask) -> None:
    """Sets `g.trace`, and the headers on every answer."""
    app.before_request(_take)
    app.after_request(_give)


def _take() -> None:
    g.trace = _recorded() or of(request.headers.get("traceparent", ""), request.headers.get("tracestate", ""))


def _recorded() -> Trace | None:
    """The span that OpenTelemetry records, where the service runs under it: log and answer name the same one."""
    opentelemetry = sys.modules.get("opentelemetry.trace")
    if opentelemetry is None:
        return None
    span = opentelemetry.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return Trace(
        f"{span.trace_id:032x}", f"{span.span_id:016x}", f"{span.trace_flags:02x}", span.trace_state.to_header()
    )


def _give(response: Response) -> Response:
    trace: Trace = g.trace
    response.headers["traceparent"] = trace.parent
    if trace.state:
        response.headers["tracestate"] = trace.state
    return response
