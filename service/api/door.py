"""Where worker and app meet: what the worker answers without the app, and what it tells the app."""

from collections.abc import Callable
from http import HTTPStatus

from flask import Flask
from gunicorn.http import Request

from service.admission import Admission
from service.api import deadlines
from service.api.bare import bare
from service.api.telemetry import request_id, request_log
from service.api.telemetry.metrics import Metrics
from service.errors import DeadlinePassed, Overloaded

_NAME = "squint.door"
_END_OF_HEAD = b"\r\n\r\n"


class Door:
    """Answers for requests that the app never sees; they are counted and logged like all others."""

    def __init__(self, admission: Admission, metrics: Metrics, longest_wait_s: float) -> None:
        self._admission, self._metrics, self._longest_wait_s = admission, metrics, longest_wait_s
        self.closing = False
        """Whether the service is stopping, so that no further requests should be sent to it."""
        self.batch = metrics.batch
        """What was observed and is not written yet."""

    def init_app(self, app: Flask) -> None:
        """Puts the door where `door_of` finds it."""
        app.extensions[_NAME] = self

    def count_waiting(self, count: Callable[[], int]) -> None:
        """Names who knows how many requests wait for a thread."""
        self._admission.before = count

    def full(self, request: Request | None, keep: bool) -> bytes:
        """The answer to a request for which there is no room; None stands for one whose head has not come."""
        detail = "the service is busy: as many requests as it takes are in it already; try again later"
        return self._busy(request, detail, keep)

    def patience_s(self, request: Request | None) -> float:
        """How long a request may wait for a thread."""
        allowed_s = _allowed_s(request)
        return self._longest_wait_s if allowed_s is None else min(self._longest_wait_s, allowed_s)

    def late(self, request: Request | None, keep: bool) -> bytes:
        """The answer to a request that had to wait for too long."""
        allowed_s = _allowed_s(request)
        if allowed_s is not None and allowed_s < self._longest_wait_s:
            detail = "the time that the request allowed is over; nothing was computed for it"
            return self._answer(request, HTTPStatus.GATEWAY_TIMEOUT, DeadlinePassed.code, detail, keep=keep)
        detail = f"the service is busy: no turn came within {self._longest_wait_s:g} s; try again later"
        return self._busy(request, detail, keep)

    def slow(self, request: Request | None, part: str, limit_s: float) -> bytes:
        """The answer to a request whose `part` did not come in time."""
        detail = f"the {part} of the request did not arrive within {limit_s:g} s"
        return self._answer(request, HTTPStatus.REQUEST_TIMEOUT, "request_timeout", detail)

    def cut(self, request: Request | None) -> bytes:
        """The answer to a request whose body ends before it is whole."""
        detail = "the request ended before its body was complete; send it again"
        return self._answer(request, HTTPStatus.BAD_REQUEST, "incomplete_body", detail)

    def cut_too_small(self, request: Request | None) -> bytes:
        """The answer to a request whose body comes in very many chunks."""
        detail = "the body comes in very many chunks of a few bytes; send it in larger ones, or with its Content-Length"
        return self._answer(request, HTTPStatus.BAD_REQUEST, "malformed_request", detail)

    def long(self, most_bytes: int) -> bytes:
        """The answer to request line and headers of too many bytes."""
        detail = f"request line and headers have more than {most_bytes} bytes together"
        return self._answer(None, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "malformed_request", detail)

    def _busy(self, request: Request | None, detail: str, keep: bool) -> bytes:
        retry_after_s = self._admission.retry_after_s()
        return self._answer(
            request, HTTPStatus.TOO_MANY_REQUESTS, Overloaded.code, detail, keep=keep, retry_after_s=retry_after_s
        )

    def _answer(
        self,
        request: Request | None,
        status: int,
        code: str,
        detail: str,
        *,
        keep: bool = False,
        retry_after_s: int | None = None,
    ) -> bytes:
        """A whole response; counted and logged."""
        method, path, sent_id = _told(request)
        own_id = request_id.sane(sent_id)
        self._metrics.count_bare(method, status)
        request_log.refused(method, status, code, own_id)
        answer = bare(status, code, detail, path=path, request_id=own_id, keep=keep, retry_after_s=retry_after_s)
        return answer if method != "HEAD" else answer[: answer.index(_END_OF_HEAD) + len(_END_OF_HEAD)]


def _told(request: Request | None) -> tuple[str, str, str | None]:
    """Method, path and X-Request-ID of gunicorn's request, if there is one."""
    if request is None:
        return "", "", None
    return request.method, request.path, _header(request, "X-REQUEST-ID")


def _allowed_s(request: Request | None) -> float | None:
    text = request and _header(request, deadlines.HEADER.upper())
    return deadlines.allowed_s(text) if text else None


def _header(request: Request, name: str) -> str | None:
    return next((value for one, value in request.headers if one == name), None)


def door_of(app: Flask) -> Door:
    """The door of an app that `build_app` made."""
    door: Door = app.extensions[_NAME]
    return door
