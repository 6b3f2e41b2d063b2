"""Every fault in one shape: `application/problem+json` (RFC 9457), or on the protocols' paths their `{"error": …}`."""

import json
import logging
import re
from http import HTTPStatus

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import (
    ClientDisconnected,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
)
from werkzeug.routing import WebsocketMismatch

from service.api.telemetry import trail
from service.errors import (
    Abandoned,
    BrokenImage,
    DeadlinePassed,
    EmptyImage,
    Fault,
    ImageFault,
    ImageTooLarge,
    NotReady,
    Overloaded,
    UnknownExample,
    UnknownLabel,
    UnknownModel,
    UnknownVersion,
    UnsupportedFormat,
)

_log = logging.getLogger(__name__)
RETRY_AFTER_S = 1
# TF Serving's, KServe's and Triton's clients read the key `error` of any answer but 200.
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
    # Read only by a client that closed its sending side and nothing more.
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


def init_app(app: Flask) -> None:
    """Turns every exception of the app into a problem document."""
    app.register_error_handler(UploadFault, _on_upload_fault)
    app.register_error_handler(Fault, _on_fault)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(Exception, _on_exception)


def problem(status: int, code: str, detail: str, **extra: object) -> Response:
    """A problem document; `code` is stable for programs, `detail` a sentence for people."""
    trail.current().code = code
    content, media_type = document(request.path, status, code, detail, g.get("request_id"), **extra)
    response = Response(content, status, mimetype=media_type)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def document(
    path: str, status: int, code: str, detail: str, request_id: str | None, **extra: object
) -> tuple[str, str]:
    """Content and media type of a problem document; below `/v1` and `/v2` the protocols' shape, only the sentence."""
    if _PROTOCOLS.match(path):
        return json.dumps({"error": detail}) + "\n", "application/json"
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
        **extra,
    }
    return json.dumps(body) + "\n", "application/problem+json"


def _on_fault(fault: Fault) -> Response:
    response = problem(STATUS[type(fault)], fault.code, fault.text)
    if isinstance(fault, Overloaded):
        response.headers["Retry-After"] = str(fault.retry_after_s)
    return response


def _on_upload_fault(fault: UploadFault) -> Response:
    extra = {"index": fault.index} | ({"file": fault.file} if fault.file else {})
    return problem(STATUS[type(fault.cause)], fault.cause.code, fault.text, **extra)


def _on_http_exception(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    response = problem(status, HTTP_CODES.get(status, "bad_request"), _detail(error))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _detail(error: HTTPException) -> str:
    if isinstance(error, NotFound):
        return f"there is nothing at {request.path}; GET /models lists the models"
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return f"{request.method} is not allowed at {request.path}; allowed: {allowed}"
    if isinstance(error, RequestEntityTooLarge):
        return f"the request is too large: at most {current_app.config['MAX_CONTENT_LENGTH']} bytes"
    if isinstance(error, ClientDisconnected):
        return "the request ended before its body was complete"
    if isinstance(error, WebsocketMismatch):
        return "this service speaks plain HTTP, not WebSocket"
    return error.description or error.name


def _on_exception(error: Exception) -> Response:
    _log.error("request %s failed", g.get("request_id"), exc_info=error)
    return problem(500, "internal_error", "the service failed to answer; its log has the cause under this request_id")
