"""What is known of a request: one record, which becomes its log line, its metrics and some headers of its answer."""

import logging
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Request, has_request_context, request

_log = logging.getLogger(__name__)

# The key of the WSGI environ that holds the record.
ENVIRON_KEY = "squint.record"
# Where the time of a prediction goes, in this order; "queue" is the wait for a computing thread.
STAGES = ("queue", "decode", "prepare", "infer")
# The route of a request that was refused before it was routed, and of a path that no route has.
UNROUTED, UNMATCHED = "unrouted", "unmatched"
# Their successful answers are logged at level debug only.
PROBES = frozenset({"/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"})
# A log line has no room for the labels of a whole batch.
_MAX_LABELS = 5
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# W3C Trace Context; of version 00 nothing may follow the flags.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


class Stage:
    """The time of a block; a class, because a generator would cost each request more."""

    __slots__ = ("_name", "_stages_s", "_started")

    def __init__(self, stages_s: dict[str, float], name: str) -> None:
        self._stages_s, self._name = stages_s, name

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._stages_s[self._name] = self._stages_s.get(self._name, 0.0) + time.perf_counter() - self._started


@dataclass(slots=True)
class RequestRecord:
    """One request, from its head to its answer; times in seconds, `deadline` on the clock of `time.monotonic()`."""

    method: str = ""
    request_id: str = ""
    trace_id: str | None = None
    bytes_in: int | None = None
    route: str = UNROUTED
    key_name: str | None = None
    deadline: float | None = None
    received: float = field(default_factory=time.monotonic)
    client_gone: bool = False
    model: str | None = None
    version: int | None = None
    pictures: int = 0
    labels: list[str] = field(default_factory=list)
    stages_s: dict[str, float] = field(default_factory=dict)
    code: str | None = None
    status: int = 0
    bytes_out: int = 0
    total_s: float = 0.0

    def stage(self, name: str) -> "Stage":
        """Adds the time of the block after `with` to a stage, also if the block raises."""
        return Stage(self.stages_s, name)

    def limit_time(self, seconds: float) -> None:
        """Sets the deadline so many seconds after the request was whole, unless it is earlier already."""
        deadline = self.received + seconds
        self.deadline = deadline if self.deadline is None else min(self.deadline, deadline)

    def add_label(self, label: str) -> None:
        """Notes the label of one picture; of many only the first few."""
        if len(self.labels) < _MAX_LABELS:
            self.labels.append(label)

    def finish(self, status: int, bytes_out: int) -> None:
        """Notes the answer, and logs the request."""
        self.status, self.bytes_out = status, bytes_out
        self.total_s = time.monotonic() - self.received
        level = logging.ERROR if status == 500 else logging.INFO
        if status < 400 and self.route in PROBES:
            level = logging.DEBUG
        if _log.isEnabledFor(level):
            _log.log(level, "%s", self, extra={"fields": self.fields()})

    def server_timing(self) -> str:
        """The stages and the total in milliseconds, as the header Server-Timing has them."""
        stages = [f"{name};dur={seconds * 1000:.3f}" for name, seconds in self.stages_s.items()]
        return ", ".join([*stages, f"total;dur={self.total_s * 1000:.3f}"])

    def fields(self) -> Mapping[str, object]:
        """The log line for programs; what is not known is left out."""
        known: dict[str, Any] = {
            "message": "request",
            "id": self.request_id,
            "trace": self.trace_id,
            "method": self.method or None,
            "route": self.route,
            "status": self.status,
            "code": self.code,
            "key": self.key_name,
            "model": self.model,
            "version": self.version,
            "pictures": self.pictures or None,
            "labels": self.labels or None,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "stages_ms": {name: _ms(seconds) for name, seconds in self.stages_s.items()} or None,
            "total_ms": _ms(self.total_s),
        }
        return {name: value for name, value in known.items() if value is not None}

    def __str__(self) -> str:
        """The log line for people."""
        words = [self.method, self.route, str(self.status)]
        words += [f"{self.model}/{self.version}"] if self.model else []
        words += [", ".join(self.labels)] if self.labels else []
        words += [self.code] if self.code else []
        return " ".join(word for word in [*words, f"{_ms(self.total_s)} ms"] if word)


def current() -> RequestRecord:
    """The record of the request that Flask is answering; outside of one a new record that nobody reads."""
    record: RequestRecord = request.environ[ENVIRON_KEY] if has_request_context() else RequestRecord()
    return record


def note_route() -> None:
    """Notes the rule that the current request matched, not its path: callers could make up any number of paths."""
    # Flask's name for the request looks it up at each use.
    current: Request = request._get_current_object()  # type: ignore[attr-defined]
    rule = current.url_rule
    record = current.environ.setdefault(ENVIRON_KEY, RequestRecord())
    record.route = rule.rule if rule else UNMATCHED


def request_id(sent: str) -> str:
    """The caller's X-Request-ID if it is valid, else a new one."""
    return sent if _REQUEST_ID.fullmatch(sent) else f"{random.getrandbits(128):032x}"


def trace_id(traceparent: str) -> str | None:
    """The trace id that a W3C `traceparent` header names; None if the header is not valid."""
    found = _TRACEPARENT.fullmatch(traceparent.strip())
    return found[2] if found and not (found[1] == "00" and found[3]) else None


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
