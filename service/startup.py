"""Logs, once the service is ready, what it serves, where, and with how many workers and threads."""

import logging
import os
from collections.abc import Mapping
from typing import NamedTuple

from service.cores import allotted_cores
from service.inference.registry import Registry
from service.settings import Settings

_log = logging.getLogger(__name__)


class ServedModel(NamedTuple):
    """The version that answers by default and its engine, None if there is none; the faults of versions not served."""

    model: str
    version: int | None
    versions: list[int]
    engine: str | None
    faults: Mapping[int, str]


def log_startup(registry: Registry, settings: Settings) -> None:
    """Logs one line for programs or a short table for people, at level error if the service is not ready."""
    models, unready = served_models(registry), registry.unready()
    level = logging.ERROR if unready else logging.INFO
    _log.log(level, "%s", _text(models, settings, unready), extra={"fields": _fields(models, settings, unready)})


def served_models(registry: Registry) -> list[ServedModel]:
    """One entry a model, whether or not a version of it could be loaded."""
    served = []
    for name, model in registry.models().items():
        version = max(model.versions, default=None)
        engine = model.versions[version].engine if version else None
        served.append(ServedModel(name, version, sorted(model.versions), engine, model.faults))
    return served


def _fields(models: list[ServedModel], settings: Settings, unready: str | None) -> Mapping[str, object]:
    return {
        "message": f"not ready: {unready}" if unready else "ready",
        "url": url(settings),
        "models": [model._asdict() for model in models],
        "workers": settings.workers,
        "computing_threads": settings.computing_threads,
        "cores": allotted_cores(),
    }


def _text(models: list[ServedModel], settings: Settings, unready: str | None) -> str:
    rows = [("model", "version", "engine"), *(_row(model) for model in models)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    faults = [f"not served: {fault}" for model in models for fault in model.faults.values()]
    state = f"not ready, {unready}" if unready else "ready"
    return "\n  ".join([f"Squint is {state}: {url(settings)}", *table, *faults, _threads(settings)])


def _row(model: ServedModel) -> tuple[str, str, str]:
    count = len(model.versions)
    version = str(model.version or "none") + (f" (of {count})" if count > 1 else "")
    return model.model, version, model.engine or ""


def url(settings: Settings) -> str:
    """Where to open the service on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _threads(settings: Settings) -> str:
    cores, machine = allotted_cores(), os.cpu_count() or 1
    allotted = f"{cores} of {machine} cores are allotted" if cores < machine else f"{cores} cores"
    return f"{settings.workers} workers, each with {settings.computing_threads} computing threads: {allotted}"
