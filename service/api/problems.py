"""Every error in one shape: `application/problem+json` (RFC 9457); `{"error": …}` below `/v1` and `/v2`."""

import json
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from flask import Flask, Response, request
from werkzeug import exceptions
from werkzeug.exceptions import HTTPException

from service.api import telemetry
from service.errors import (
    Abandoned,
    BodyTooLarge,
    BrokenImage,
    DeadlinePassed,
    EmptyImage,
    Fault,
    Forbidden,
    HeadTooLarge,
    ImageFault,
    ImageTooLarge,
    MethodNotAllowed,
    NotReady,
    Overloaded,
    RequestTimeout,
    Unauthorized,
    UnknownExample,
    UnknownLabel,
    UnknownModel,
    UnknownVersion,
    UnsupportedFormat,
)

_log = logging.getLogger(__name__)
RETRY_AFTER_S = 1
# The clients of TF Serving, KServe and Triton read the key `error` of any answer but 200.
_PROTOCOLS = re.compile(r"/v[12](?:/|$)")


class RequestFault(Fault):
    """The request itself is wrong, before any picture is looked at."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code  # type: ignore[misc]  # one class for the many ways a request can be wrong


class TooManyParts(Fault):
    """A form has more files and texts, or longer heads of them, than are read."""

    code = "too_many_parts"


class TooManyImages(Fault):
    """More pictures than one request may hold."""

    code = "too_many_images"


class TooManyPixels(Fault):
    """The pictures of one request have too many pixels together."""

    code = "too_many_pixels"


class UploadFault(Fault):
    """One of a request's pictures cannot be used; says which."""

    def __init__(self, index: int, file: str | None, cause: ImageFault) -> None:
        super().__init__(f"image {index}{f' ({file})' if file else ''}: {cause.text}")
        self.index, self.file, self.cause = index, file, cause


STATUS: dict[type[Fault], HTTPStatus] = {
    RequestFault: HTTPStatus.BAD_REQUEST,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    RequestTimeout: HTTPStatus.REQUEST_TIMEOUT,
    HeadTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnknownModel: HTTPStatus.NOT_FOUND,
    UnknownVersion: HTTPStatus.NOT_FOUND,
    UnknownLabel: HTTPStatus.NOT_FOUND,
    UnknownExample: HTTPStatus.NOT_FOUND,
    TooManyParts: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooManyImages: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooManyPixels: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ImageTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedFormat: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    EmptyImage: HTTPStatus.UNPROCESSABLE_ENTITY,
    BrokenImage: HTTPStatus.UNPROCESSABLE_ENTITY,
    # For the log: the client is gone.
    Abandoned: HTTPStatus.BAD_REQUEST,
    Overloaded: HTTPStatus.TOO_MANY_REQUESTS,
    NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
    DeadlinePassed: HTTPStatus.GATEWAY_TIMEOUT,
}
# Of what Flask and Werkzeug raise; not their phrases, which differ between versions of Python.
HTTP_CODES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_entity_too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
}


class Problem(NamedTuple):
    """An error as HTTP says it: status, headers beside Content-Type, media type and content."""

    status: int
    headers: Mapping[str, str]
    media_type: str
    content: str


def of_fault(path: str, request_id: str, fault: Fault) -> Problem:
    """The problem document of one of our own errors."""
    headers, extra, cause = {}, {}, fault
    if isinstance(fault, UploadFault):
        cause = fault.cause
        extra = {"index": fault.index} | ({"file": fault.file} if fault.file else {})
    if isinstance(fault, Overloaded):
        headers["Retry-After"] = str(fault.retry_after_s)
    if isinstance(fault, NotReady):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if isinstance(fault, MethodNotAllowed):
        headers["Allow"] = fault.allowed
    if isinstance(fault, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    status = STATUS[type(cause)]
    return Problem(status, headers, *document(path, status, cause.code, fault.text, request_id, **extra))


def document(path: str, status: int, code: str, detail: str, request_id: str, **extra: object) -> tuple[str, str]:
    """Media type and content of a problem document; below `/v1` and `/v2` only the sentence, as `error`.

    `code` is stable, for programs; `detail` is a sentence for people.
    """
    if _PROTOCOLS.match(path):
        return "application/json", json.dumps({"error": detail}) + "\n"
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
        **extra,
    }
    return "application/problem+json", json.dumps(body) + "\n"


def init_app(app: Flask) -> None:
    """Turns every exception of the app into a problem document."""
    app.register_error_handler(Fault, _on_fault)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(Exception, _on_exception)


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """A problem document as the answer to the current request."""
    record = telemetry.current()
    record.code = code
    media_type, content = document(request.path, status, code, detail, record.request_id)
    return Response(content, status, headers, mimetype=media_type)


def _on_fault(fault: Fault) -> Response:
    record = telemetry.current()
    record.code = code_of(fault)
    status, headers, media_type, content = of_fault(request.path, record.request_id, fault)
    return Response(content, status, headers, mimetype=media_type)


def code_of(fault: Fault) -> str:
    """The `code` in the problem document of one of our own errors."""
    return fault.cause.code if isinstance(fault, UploadFault) else fault.code


def _on_http_exception(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    code = HTTP_CODES.get(status, "bad_request")
    headers = {}
    if isinstance(error, exceptions.MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return problem(status, code, _detail(error), headers)


def _detail(error: HTTPException) -> str:
    if isinstance(error, exceptions.NotFound):
        return f"there is nothing at {request.path}; GET /models lists the models"
    if isinstance(error, exceptions.MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return f"{request.method} is not allowed at {request.path}; allowed: {allowed}"
    return error.description or error.name


def _on_exception(error: Exception) -> Response:
    _log.error("request %s failed", telemetry.current().request_id, exc_info=error)
    return problem(500, "internal_error", "the service failed to answer; its log has the cause under this request_id")
