"""gunicorn's parent, patient by a clock that nobody sets.

It measures by the wall clock how long workers may take to stop: set forward meanwhile, it would kill them with requests
in their hands, set back, it would wait for one that hangs for as long.
"""

import time
from types import SimpleNamespace

from gunicorn import arbiter


def install() -> None:
    """Has gunicorn's parent, in this process, read the monotonic clock for either."""
    arbiter.time = SimpleNamespace(time=time.monotonic, monotonic=time.monotonic, sleep=time.sleep)
