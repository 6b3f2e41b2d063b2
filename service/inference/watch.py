"""A thread that looks at the models folder again and again while others answer."""

import logging
import threading

from service.inference.registry import Registry

_log = logging.getLogger(__name__)
# A load that is under way when the worker ends is waited for: an engine must not be in use while its process goes down.
_LONGEST_LOOK_S = 20


class Watch:
    """Calls `registry.look` every `interval_s` seconds from `start` to `stop`."""

    def __init__(self, registry: Registry, interval_s: float) -> None:
        self._registry, self._interval_s = registry, interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="models-watch", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the look that is under way."""
        self._stopping.set()
        self._thread.join(_LONGEST_LOOK_S)

    def _run(self) -> None:
        told = None
        while not self._stopping.wait(self._interval_s):
            try:
                self._registry.look()
                told = None
            except Exception as error:  # whatever happens to one look, there is a next one
                if repr(error) != told:
                    _log.exception("the models folder could not be looked at")
                told = repr(error)
