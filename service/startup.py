"""What the service tells when it is ready, on one screen: what it serves, how fast, with how many threads and where."""

import logging
import os
import time
from collections.abc import Mapping
from statistics import median
from typing import NamedTuple

from service.cores import allotted_cores
from service.images.decode import Limits, decode
from service.inference.classifier import Classifier
from service.inference.registry import Registry
from service.logs import Line
from service.settings import Settings

_log = logging.getLogger(__name__)
# Enough for a median; the start must not wait for it.
_MOST_PICTURES = 5
_LIMITS = Limits(max_bytes=2**20, max_pixels=2**20, max_frames=1)


class Served(NamedTuple):
    """A version that answers by default, or the faults of a model's others."""

    model: str
    version: int | None
    versions: list[int]
    engine: str | None
    microseconds: int | None
    faults: Mapping[int, str]


class Screen(Line):
    """The screen."""

    def __init__(self, served: list[Served], settings: Settings, unready: str | None) -> None:
        self._served, self._settings, self._unready = served, settings, unready

    def fields(self) -> Mapping[str, object]:
        """The same for programs."""
        settings = self._settings
        return {
            "message": f"not ready: {self._unready}" if self._unready else "ready",
            "url": url(settings),
            "models": [one._asdict() for one in self._served],
            "workers": settings.workers,
            "threads": settings.request_threads,
            "computing_threads": settings.computing_threads,
            "cores": allotted_cores(),
        }

    def __str__(self) -> str:
        head = ("model", "version", "engine", "µs per image")
        rows = [head, *(_row(one) for one in self._served)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        table = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        faults = [f"not served: {text}" for one in self._served for text in one.faults.values()]
        state = f"not ready, {self._unready}" if self._unready else "ready"
        lines = [f"Squint is {state}: {url(self._settings)}", *table, *faults, threads(self._settings)]
        return "\n  ".join(lines)


def _row(one: Served) -> tuple[str, str, str, str]:
    others = len(one.versions) - 1
    version = str(one.version or "none") + (f" (of {others + 1})" if others > 0 else "")
    return one.model, version, one.engine or "", str(one.microseconds or "")


def tell(registry: Registry, settings: Settings) -> None:
    """Logs the screen."""
    served = []
    for name, model in registry.models().items():
        version = max(model.versions, default=None)
        answering = model.versions[version] if version else None
        speed = measure(answering) if answering else None
        engine = answering.engine if answering else None
        served.append(Served(name, version, sorted(model.versions), engine, speed, model.faults))
    unready = registry.unready()
    _log.log(logging.ERROR if unready else logging.INFO, Screen(served, settings, unready))


def measure(classifier: Classifier) -> int | None:
    """Microseconds from a golden picture's file to its prediction, the median of a few; None if they are gone."""
    times = []
    try:
        for golden in classifier.manifest.golden[:_MOST_PICTURES]:
            data = (classifier.folder / golden.file).read_bytes()
            started = time.perf_counter()
            classifier.classify([classifier.prepare(decode(data, _LIMITS))])
            times.append(time.perf_counter() - started)
    except OSError:
        return None
    return round(median(times) * 1e6)


def url(settings: Settings) -> str:
    """Where to open the service on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def threads(settings: Settings) -> str:
    """How many workers and threads there are, and why."""
    cores, machine = allotted_cores(), os.cpu_count() or 1
    allotted = f"{cores} of {machine} cores are allotted" if cores < machine else f"{cores} cores"
    return (
        f"{settings.workers} workers of {settings.request_threads} threads, "
        f"of which {settings.computing_threads} may compute at once: {allotted}"
    )
