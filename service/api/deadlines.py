"""A caller's own time limit: `X-Request-Timeout` in seconds, from when the request was whole."""

import re
import time

from flask import Flask, g, request

from service.api.problems import RequestFault

_HEADER = "X-Request-Timeout"
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def init_app(app: Flask) -> None:
    """Reads the header before anything is done for the request; a malformed one is a 400."""
    app.before_request(_read)


def earliest(deadline: float | None) -> float | None:
    """The earlier of a deadline and the header's, in `time.monotonic()` seconds; None if there is neither."""
    return min((one for one in (deadline, g.get("deadline")) if one is not None), default=None)


def _read() -> None:
    text = request.headers.get(_HEADER)
    if text is None:
        return
    if not _SECONDS.fullmatch(text):
        raise RequestFault("bad_timeout", f"{_HEADER} must be seconds such as 2 or 0.5, not {text!r}")
    g.deadline = time.monotonic() + float(text)
