"""How long a request had waited, whole, before a thread began to answer it."""

import time
from contextvars import ContextVar

_waited_s: ContextVar[float] = ContextVar("waited_s", default=0.0)


def tell(came: float) -> None:
    """In the thread that is to answer it: when the request was whole, in `time.monotonic()` seconds."""
    _waited_s.set(time.monotonic() - came)


def waited_s() -> float:
    """Seconds; 0 where nobody has told."""
    return _waited_s.get()
