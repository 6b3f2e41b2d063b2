"""Prometheus metrics, right with any number of workers."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Summary,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from service.inference.registry import Change
from service.manifest import Manifest

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Stopwatch:
    """Adds up the time of the blocks it is entered for, and observes the sum once."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram, self._seconds, self._started = histogram, 0.0, 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._seconds += time.perf_counter() - self._started

    def observe(self) -> None:
        """Counts the sum so far as one observation."""
        self._histogram.observe(self._seconds)


class Metrics:
    """What the service counts; with PROMETHEUS_MULTIPROC_DIR set, over all workers together."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "squint_http_requests",
            "Requests answered, by method, route and status.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "squint_http_request_duration_seconds",
            "Time from the first line of a request to its answer, by route.",
            ("route",),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._stage_seconds = Histogram(
            "squint_stage_duration_seconds",
            "Time of a request's stages: decode, prepare, infer; all images of the request together; by model version.",
            ("stage", "model", "version"),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._predictions = Counter(
            "squint_predictions",
            "Pictures classified, by model, version and predicted label.",
            ("model", "version", "label"),
            registry=self._registry,
        )
        self._model_loads = Counter(
            "squint_model_loads",
            "Versions that a worker loaded, could not load or let go, by model, version and outcome.",
            ("model", "version", "outcome"),
            registry=self._registry,
        )
        self._version_ready = Gauge(
            "squint_model_version_ready",
            "1 where every worker answers with this version, 0 where one does not: it is bad, or was removed.",
            ("model", "version"),
            registry=self._registry,
            multiprocess_mode="livemin",
        )
        self._failed_seconds = Summary(
            "squint_failed_inference_seconds",
            "Time of requests that got no prediction after all, by model and version.",
            ("model", "version"),
            registry=self._registry,
        )
        self._last_inference = Gauge(
            "squint_last_inference_timestamp_seconds",
            "When a model version last answered.",
            ("model", "version"),
            registry=self._registry,
            multiprocess_mode="max",
        )

    def stopwatch(self, stage: str, manifest: Manifest) -> "Stopwatch":
        """Times a stage of one request to a model version."""
        return Stopwatch(self._stage_seconds.labels(stage, manifest.name, str(manifest.version)))

    def count_predictions(self, manifest: Manifest, label_indexes: Sequence[int]) -> None:
        """Counts the classified pictures of one request."""
        version = (manifest.name, str(manifest.version))
        for index in label_indexes:
            self._predictions.labels(*version, manifest.labels[index]).inc()
        self._last_inference.labels(*version).set(time.time())

    @contextmanager
    def failures(self, manifest: Manifest) -> Iterator[None]:
        """Counts and times the block if it raises."""
        started = time.perf_counter()
        try:
            yield
        except Exception:
            failed = self._failed_seconds.labels(manifest.name, str(manifest.version))
            failed.observe(time.perf_counter() - started)
            raise

    def count_change(self, change: Change) -> None:
        """Counts what became of a version."""
        version = str(change.version)
        self._model_loads.labels(change.model, version, change.outcome).inc()
        self._version_ready.labels(change.model, version).set(change.ready)

    def init_app(self, app: Flask) -> None:
        """Counts and times every request of the app and serves `/metrics`."""
        app.before_request(self._start)
        app.after_request(self._finish)
        blueprint = Blueprint("metrics", __name__)
        blueprint.add_url_rule("/metrics", view_func=self._expose)
        app.register_blueprint(blueprint)

    def _start(self) -> None:
        g.started = time.perf_counter()

    def _finish(self, response: Response) -> Response:
        # The rule, not the path: paths are the callers' and without number.
        route = request.url_rule.rule if request.url_rule else "unmatched"
        method = request.method if request.method in _METHODS else "other"
        self._requests.labels(method, route, str(response.status_code)).inc()
        self._request_seconds.labels(route).observe(time.perf_counter() - g.started)
        return response

    def _expose(self) -> Response:
        return Response(generate_latest(self.collected()), content_type=CONTENT_TYPE_LATEST)

    def collected(self) -> CollectorRegistry:
        """What was counted so far, by all workers together."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return self._registry
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return registry
