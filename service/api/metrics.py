"""Prometheus metrics, right with any number of workers."""

import os
import time

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

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
            "Time of a request's stages: queue, decode, prepare, infer; all images of the request together.",
            ("stage",),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._predictions = Counter(
            "squint_predictions",
            "Pictures classified, by model, version and predicted label.",
            ("model", "version", "label"),
            registry=self._registry,
        )

    def stopwatch(self, stage: str) -> "Stopwatch":
        """Times a stage of one request."""
        return Stopwatch(self._stage_seconds.labels(stage))

    def count_prediction(self, model: str, version: int, label: str) -> None:
        """Counts one classified picture."""
        self._predictions.labels(model, str(version), label).inc()

    def count_bare(self, method: str, status: int) -> None:
        """Counts a request that was answered before it was routed."""
        self._count(method, "unrouted", status)

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
        self._count(request.method, route, response.status_code)
        self._request_seconds.labels(route).observe(time.perf_counter() - g.started)
        return response

    def _count(self, method: str, route: str, status: int) -> None:
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()

    def _expose(self) -> Response:
        return Response(generate_latest(self._collected()), content_type=CONTENT_TYPE_LATEST)

    def _collected(self) -> CollectorRegistry:
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return self._registry
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return registry
