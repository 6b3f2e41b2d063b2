"""One log line a request: what was asked, what came of it and how long it took; never the picture, never a key."""

import logging
from collections.abc import Mapping

from flask import Flask, Response, g

from service.api.probes import PROBES
from service.api.telemetry import trail
from service.logs import Line

_log = logging.getLogger(__name__)


class Answered(Line):
    """A request and its answer."""

    def __init__(self, response: Response, noted: trail.Trail) -> None:
        self._noted = noted
        self._id, self._trace = g.get("request_id"), g.get("trace")
        self._key = g.get("key_name")
        self._status, self._bytes_out = response.status_code, response.content_length

    def fields(self) -> Mapping[str, object]:
        """What is not known of this request is left out."""
        noted, trace = self._noted, self._trace
        told: dict[str, object] = {
            "message": "request",
            "id": self._id,
            "trace": trace and trace.trace_id,
            "span": trace and trace.span_id,
            "method": noted.method,
            "route": noted.route,
            "status": self._status,
            "code": noted.code,
            "key": self._key,
            "model": noted.model,
            "version": noted.version,
            "pictures": noted.pictures or None,
            "labels": noted.labels or None,
            "bytes_in": noted.bytes_in,
            "bytes_out": self._bytes_out,
            "stages_ms": {name: _ms(seconds) for name, seconds in noted.stages_s.items()} or None,
            "total_ms": _ms(noted.total_s),
        }
        return {name: value for name, value in told.items() if value is not None}

    def __str__(self) -> str:
        noted = self._noted
        words = [noted.method, noted.route, str(self._status)]
        words += [f"{noted.model}/{noted.version}"] if noted.model else []
        words += [", ".join(noted.labels)] if noted.labels else []
        words += [noted.code] if noted.code else []
        return " ".join([*words, f"{_ms(noted.total_s)} ms"])


class Refused(Line):
    """A request that was answered before it was routed, by the worker itself; `method` is "" if it did not come."""

    def __init__(self, method: str, status: int, code: str, request_id: str) -> None:
        self._method, self._status, self._code, self._id = method, status, code, request_id

    def fields(self) -> Mapping[str, object]:
        """As far as there are any, those of a request that was routed."""
        method = {"method": self._method} if self._method else {}
        answer = {"route": trail.UNROUTED, "status": self._status, "code": self._code}
        return {"message": "request", "id": self._id, **method, **answer}

    def __str__(self) -> str:
        return " ".join(word for word in (self._method, trail.UNROUTED, str(self._status), self._code) if word)


def refused(method: str, status: int, code: str, request_id: str) -> None:
    """Logs the answer to a request that the app never saw."""
    if _log.isEnabledFor(logging.INFO):
        _log.info(Refused(method, status, code, request_id))


def init_app(app: Flask) -> None:
    """Logs every answer; to be called before `trail.init_app`, so that the total is known."""
    app.after_request(_write)


def _write(response: Response) -> Response:
    noted, level = trail.current(), logging.ERROR if response.status_code == 500 else logging.INFO
    if response.status_code < 400 and noted.route in PROBES:
        level = logging.DEBUG
    if _log.isEnabledFor(level):
        _log.log(level, Answered(response, noted))
    return response


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
