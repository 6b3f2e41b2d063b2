"""Cross-origin requests: which other sites' pages may ask, by the setting `cors_origins`."""

from collections.abc import Sequence

from flask import Flask, Response, request

_METHODS = "GET, HEAD, POST, OPTIONS"
_SENT = (
    "Authorization, Content-Type, X-API-Key, X-Request-ID, X-Request-Timeout, Inference-Header-Content-Length, "
    "traceparent, tracestate"
)
_SHOWN = "X-Request-ID, Server-Timing, Retry-After, traceparent, Inference-Header-Content-Length"
# Two hours, the most that browsers heed.
_PREFLIGHT_S = 7200


def init_app(app: Flask, origins: Sequence[str]) -> None:
    """Answers preflights, before keys are asked for; nothing at all without origins."""
    if origins:
        app.before_request(_preflight)
        app.after_request(lambda response: _give(response, origins))


def _preflight() -> Response | None:
    """The method need not be the route's: the request itself is answered as it deserves."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = _METHODS
    response.headers["Access-Control-Allow-Headers"] = _SENT
    response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_S)
    return response


def _give(response: Response, origins: Sequence[str]) -> Response:
    origin = request.headers.get("Origin")
    response.vary.add("Origin")
    if "*" in origins:
        response.headers["Access-Control-Allow-Origin"] = "*"
    elif origin in origins:
        response.headers["Access-Control-Allow-Origin"] = origin
    else:
        return response
    response.headers["Access-Control-Expose-Headers"] = _SHOWN
    return response
