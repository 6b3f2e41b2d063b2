"""Every request has an id: the caller's `X-Request-ID` if it is a sane one, else a new one; the answer carries it."""

import random
import re

from flask import Flask, Response, g, request

_HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def init_app(app: Flask) -> None:
    """Sets `g.request_id` first of all, and the header on every answer."""
    app.before_request(_take)
    app.after_request(_give)


def sane(sent: str | None) -> str:
    """The caller's id if it is a sane one, else a new one."""
    return sent if sent and _SANE.fullmatch(sent) else new()


def new() -> str:
    """One that nobody else has; not a secret, so it need not cost a call to the system."""
    return f"{random.getrandbits(128):032x}"


def _take() -> None:
    g.request_id = sane(request.headers.get(_HEADER))


def _give(response: Response) -> Response:
    response.headers[_HEADER] = g.request_id
    return response
