"""Where worker and app meet: what the worker answers without the app, and what it tells the app."""

from http import HTTPStatus

from flask import Flask
from gunicorn.http import Request

from service.admission import Admission
from service.api import request_id, request_log
from service.api.bare import bare
from service.api.metrics import Metrics
from service.errors import Overloaded

_NAME = "squint.door"


class Door:
    """Answers for requests that the app never sees; they are counted and logged like all others."""

    def __init__(self, admission: Admission, metrics: Metrics) -> None:
        self._admission, self._metrics = admission, metrics
        self.closing = False
        """Whether the service is stopping, so that no further requests should be sent to it."""
        self.batch = metrics.batch
        """What was observed and is not written yet."""

    def init_app(self, app: Flask) -> None:
        """Puts the door where `door_of` finds it."""
        app.extensions[_NAME] = self

    def full(self, request: Request | None, keep: bool) -> bytes:
        """The answer to a request for which there is no room; None stands for one whose head has not come."""
        detail = "the service is busy: as many requests as it takes are in it already; try again later"
        retry_after_s = self._admission.retry_after_s()
        return self._answer(
            request, HTTPStatus.TOO_MANY_REQUESTS, Overloaded.code, detail, keep=keep, retry_after_s=retry_after_s
        )

    def slow(self, request: Request | None, part: str, limit_s: float) -> bytes:
        """The answer to a request whose `part` did not come in time."""
        detail = f"the {part} of the request did not arrive within {limit_s:g} s"
        return self._answer(request, HTTPStatus.REQUEST_TIMEOUT, "request_timeout", detail)

    def long(self, most_bytes: int) -> bytes:
        """The answer to request line and headers of too many bytes."""
        detail = f"request line and headers have more than {most_bytes} bytes together"
        return self._answer(None, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "malformed_request", detail)

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
        return bare(status, code, detail, path=path, request_id=own_id, keep=keep, retry_after_s=retry_after_s)


def _told(request: Request | None) -> tuple[str, str, str | None]:
    """Method, path and X-Request-ID of gunicorn's request, if there is one."""
    if request is None:
        return "", "", None
    return (
        request.method,
        request.path,
        next((value for name, value in request.headers if name == "X-REQUEST-ID"), None),
    )


def door_of(app: Flask) -> Door:
    """The door of an app that `build_app` made."""
    door: Door = app.extensions[_NAME]
    return door
