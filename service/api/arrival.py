"""How long a request had waited, whole, before it was begun."""

import time
from contextvars import ContextVar

_waited_s: ContextVar[float] = ContextVar("waited_s", default=0.0)


def tell(came: float) -> None:
    """Where it is to be answered, in a thread or the loop: when it was whole, in `time.monotonic()` seconds."""
    _waited_s.set(time.monotonic() - came)


def waited_s() -> float:
    """Seconds; 0 where nobody has told."""
    return _waited_s.get()
