"""Prometheus metrics, right with any number of workers; docs/metrics.md tells what each one means."""

import functools
import os
import time
from collections import Counter as Count
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Literal, TypeVar

from flask import Blueprint, Flask, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Summary,
    generate_latest,
)

from service.admission import Admission
from service.api.telemetry import trail
from service.api.telemetry.batch import Batch
from service.api.telemetry.tally import Tally
from service.inference.classifier import Prediction
from service.inference.registry import Change
from service.manifest import Manifest

# Read by prometheus_client when it is imported; where it is set, every process counts in files there.
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BYTES = (1024, 4096, 16384, 65536, 262144, 2**20, 2**22, 2**24, 2**26)
_PROBABILITIES = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 0.999, 1)
# Of the living: a dead worker computes nothing. The latest time is the latest, whoever noted it.
GaugeMode = Literal["livesum", "livemin", "max"]
Metric = TypeVar("Metric", Counter, Gauge, Histogram)
T = TypeVar("T")


class Metrics:
    """What the service counts; with PROMETHEUS_MULTIPROC_DIR set, over all workers together.

    Counters are written at once, histograms a moment later.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        folder = os.environ.get(_FOLDER)
        self._tally = Tally(Path(folder)) if folder else None
        self.batch = Batch()
        self._declare_for_requests()
        self._declare_for_models()
        self._waiting = self._gauge("squint_waiting", "Requests waiting for their turn to compute, or to be looked at.")
        self._computing = self._gauge("squint_computing", "Requests being computed.")
        self._gauge("squint_workers", "Workers that serve.").set(1)

    def _declare_for_requests(self) -> None:
        self._requests = self._counter(
            "squint_http_requests", "Requests answered, by method, route and status.", "method", "route", "status"
        )
        self._request_seconds = self._histogram(
            "squint_http_request_duration_seconds",
            "Time from a whole request to its answer, by route.",
            "route",
        )
        self._request_bytes = self._histogram(
            "squint_http_request_size_bytes", "Bytes of a request's body, by route.", "route", buckets=_BYTES
        )
        self._shed = self._counter("squint_requests_shed", "Requests turned away with 429, by route.", "route")
        self._late = self._counter(
            "squint_request_deadlines_passed", "Requests given up with 504 as their deadline passed, by route.", "route"
        )

    def _declare_for_models(self) -> None:
        which = ("model", "version")
        self._stage_seconds = self._histogram(
            "squint_stage_duration_seconds", f"Time of a request's stages: {', '.join(trail.STAGES)}.", "stage", *which
        )
        self._predictions = self._counter(
            "squint_predictions", "Pictures classified, by model, version and predicted label.", *which, "label"
        )
        self._familiar = self._counter(
            "squint_in_distribution", "Pictures classified, by whether they resemble the training's.", *which,
            "in_distribution",
        )  # fmt: skip
        self._probability = self._histogram(
            "squint_prediction_probability", "Probability of the predicted label.", *which, buckets=_PROBABILITIES
        )
        self._prediction_seconds = self._histogram(
            "squint_prediction_duration_seconds", "Time from a whole request to its answer, by version.",
            *which,
        )  # fmt: skip
        self._failed_seconds = Summary(
            "squint_failed_inference_seconds", "Time of requests that got no prediction after all.", which,
            registry=self._registry,
        )  # fmt: skip
        self._last_answer = self._gauge(
            "squint_last_inference_timestamp_seconds", "When the version last answered.", *which, mode="max"
        )
        self._loads = self._counter(
            "squint_model_loads", "Versions loaded, failed to load or removed since the start.", *which, "outcome"
        )
        self._ready = self._gauge(
            "squint_model_version_ready", "1 where every worker answers with the version.", *which, mode="livemin"
        )

    def follow(self, admission: Admission) -> None:
        """Has its numbers told as they are."""
        self.batch.follow(self._waiting, lambda: admission.waiting)
        self.batch.follow(self._computing, lambda: admission.computing)

    def count_predictions(self, manifest: Manifest, predictions: Sequence[Prediction]) -> None:
        """Counts what one version said of a request's pictures."""
        which = (manifest.name, str(manifest.version))
        probability = self._probability.labels(*which)
        for prediction in predictions:
            self.batch.observe(probability, float(prediction.probabilities[prediction.label_index]))
        for index, count in _counts([prediction.label_index for prediction in predictions]):
            self._predictions.labels(*which, manifest.labels[index]).inc(count)
        for familiar, count in _counts([prediction.in_distribution for prediction in predictions]):
            if familiar is not None:
                self._familiar.labels(*which, str(familiar).lower()).inc(count)
        self.batch.set(self._last_answer.labels(*which), time.time())

    def count_failure(self, manifest: Manifest, seconds: float) -> None:
        """Counts a request that one version was asked by, and which got no prediction after so long."""
        self._failed_seconds.labels(manifest.name, str(manifest.version)).observe(seconds)

    def count_change(self, change: Change) -> None:
        """Counts what became of a version in this worker; one that failed may still answer as it was before."""
        version = (change.model, str(change.version))
        self._loads.labels(*version, change.outcome).inc()
        self._ready.labels(*version).set(change.ready)

    def count_bare(self, method: str, status: int) -> None:
        """Counts a request that was answered before it was routed."""
        self._count(method, trail.UNROUTED, status)

    def init_app(self, app: Flask) -> None:
        """Counts and times every request of the app and serves `/metrics`."""
        app.after_request(self._finish)
        blueprint = Blueprint("metrics", __name__)
        blueprint.add_url_rule("/metrics", view_func=self._expose)
        app.register_blueprint(blueprint)

    def _finish(self, response: Response) -> Response:
        noted = trail.current()
        route = noted.route
        self._count(noted.method, route, response.status_code)
        self.batch.observe(self._request_seconds.labels(route), noted.total_s)
        if noted.bytes_in is not None:
            self.batch.observe(self._request_bytes.labels(route), noted.bytes_in)
        if noted.model:
            self._time(noted, response.status_code)
        self.batch.write_if_due()
        return response

    def _count(self, method: str, route: str, status: int) -> None:
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._count_refusal(route, status)

    def _time(self, noted: trail.Trail, status: int) -> None:
        which = (str(noted.model), str(noted.version))
        for stage, seconds in noted.stages_s.items():
            self.batch.observe(self._stage_seconds.labels(stage, *which), seconds)
        if status == HTTPStatus.OK:
            self.batch.observe(self._prediction_seconds.labels(*which), noted.total_s)

    def _count_refusal(self, route: str, status: int) -> None:
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._shed.labels(route).inc()
        elif status == HTTPStatus.GATEWAY_TIMEOUT:
            self._late.labels(route).inc()

    def _expose(self) -> Response:
        self.batch.write()
        text = self._tally.text() if self._tally else generate_latest(self._registry)
        return Response(text, content_type=CONTENT_TYPE_LATEST)

    def collected(self) -> CollectorRegistry:
        """What was counted so far, by all workers together."""
        self.batch.write()
        if not self._tally:
            return self._registry
        registry = CollectorRegistry()
        registry.register(self._tally)
        return registry

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return _quick(Counter(name, text, labels, registry=self._registry))

    def _gauge(self, name: str, text: str, *labels: str, mode: GaugeMode = "livesum") -> Gauge:
        return _quick(Gauge(name, text, labels, registry=self._registry, multiprocess_mode=mode))

    def _histogram(self, name: str, text: str, *labels: str, buckets: Sequence[float] = _SECONDS) -> Histogram:
        return _quick(Histogram(name, text, labels, registry=self._registry, buckets=buckets))


def _counts(values: list[T]) -> Iterable[tuple[T, int]]:
    """How often each value occurs; most requests have one picture."""
    return ((values[0], 1),) if len(values) == 1 else Count(values).items()


def _quick(metric: Metric) -> Metric:
    """The metric with what `labels` found remembered: its own search costs more than the counting.

    All values of labels are few by nature; a method or label of the caller's is never one.
    """
    metric.labels = functools.cache(metric.labels)  # type: ignore[method-assign]
    return metric
