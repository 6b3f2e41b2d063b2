"""A caller's own time limit: `X-Request-Timeout` in seconds, from when the request was whole."""

import re
import time

from flask import Flask, g, request

from service.api import arrival
from service.api.problems import RequestFault

HEADER = "X-Request-Timeout"
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def init_app(app: Flask) -> None:
    """Reads the header before anything is done for the request; a malformed one is a 400."""
    app.before_request(_read)


def earliest(deadline: float | None) -> float | None:
    """The earlier of a deadline and the header's, in `time.monotonic()` seconds; None if there is neither."""
    return min((one for one in (deadline, g.get("deadline")) if one is not None), default=None)


def after(seconds: float) -> float:
    """The deadline of a request that allows so many seconds from when it was whole."""
    return time.monotonic() + seconds - arrival.waited_s()


def allowed_s(text: str) -> float | None:
    """What the header says; None where it is malformed."""
    return float(text) if _SECONDS.fullmatch(text) else None


def _read() -> None:
    text = request.headers.get(HEADER)
    if text is None:
        return
    if (seconds := allowed_s(text)) is None:
        raise RequestFault("bad_timeout", f"{HEADER} must be seconds such as 2 or 0.5, not {text!r}")
    g.deadline = after(seconds)
