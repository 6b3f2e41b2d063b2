"""Prometheus metrics, summed over all workers; docs/metrics.md says what each one means."""

import os
from collections import Counter as Count
from collections.abc import Callable, Sequence
from functools import cache
from http import HTTPStatus
from typing import NamedTuple

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from service.api.telemetry import STAGES, UNROUTED, RequestRecord
from service.inference.classifier import Prediction
from service.inference.registry import Change
from service.manifest import Manifest

# prometheus_client reads this variable when it is imported; each process then counts in files of this folder.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_PROBABILITIES = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 0.999, 1)


class _VersionMetrics(NamedTuple):
    """The series of one version, looked up once: `labels()` costs more than counting."""

    seconds: Histogram
    probability: Histogram
    stages: dict[str, Counter]
    in_distribution: dict[bool, Counter]
    labels: Callable[[str], Counter]


class Metrics:
    """What the service counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = self._counter(
            "squint_http_requests", "Requests answered, by method, route and status.", "method", "route", "status"
        )
        self._request_seconds = Histogram(
            "squint_http_request_duration_seconds", "Time from a whole request to its answer, by route.", ["route"],
            registry=self._registry, buckets=_SECONDS,
        )  # fmt: skip
        self._shed = self._counter("squint_requests_shed", "Requests refused with 429, by route.", "route")
        self._late = self._counter("squint_request_deadlines_passed", "Requests refused with 504, by route.", "route")
        self._declare_for_models()
        self._waiting = self._gauge("squint_waiting", "Requests waiting for a computing thread.")
        self._computing = self._gauge("squint_computing", "Requests being computed.")
        self._gauge("squint_workers", "Workers that serve.").set(1)
        # Cached per app: a service has few routes, methods, statuses and versions.
        self._requests_of = cache(self._requests.labels)
        self._seconds_of = cache(self._request_seconds.labels)
        # The first series opens the worker's file of histograms: in a request, that would fail if the folder is gone.
        self._seconds_of(UNROUTED)
        self._version = cache(self._look_up_version)

    def _declare_for_models(self) -> None:
        version = ("model", "version")
        self._stage_seconds = self._counter(
            "squint_stage_duration_seconds",
            f"Seconds spent in each stage of requests: {', '.join(STAGES)}.",
            "stage",
            *version,
        )
        self._predictions = self._counter(
            "squint_predictions", "Pictures classified, by model, version and predicted label.", *version, "label"
        )
        self._in_distribution = self._counter(
            "squint_in_distribution", "Pictures classified, by whether they resemble the training's.", *version,
            "in_distribution",
        )  # fmt: skip
        self._probability = Histogram(
            "squint_prediction_probability", "Probability of the predicted label.", version,
            registry=self._registry, buckets=_PROBABILITIES,
        )  # fmt: skip
        self._prediction_seconds = Histogram(
            "squint_prediction_duration_seconds", "Time from a whole request to its predictions, by version.", version,
            registry=self._registry, buckets=_SECONDS,
        )  # fmt: skip
        self._loads = self._counter(
            "squint_model_loads", "Versions loaded, failed to load or removed since the start.", *version, "outcome"
        )
        self._ready = Gauge(
            "squint_model_version_ready", "1 where every worker answers with the version.", version,
            registry=self._registry, multiprocess_mode="livemin",
        )  # fmt: skip

    def count_predictions(self, manifest: Manifest, predictions: Sequence[Prediction]) -> None:
        """Counts what one version answered for a request's pictures."""
        series = self._version(manifest.name, str(manifest.version))
        for prediction in predictions:
            series.probability.observe(float(prediction.probabilities[prediction.label_index]))
        for index, count in Count(prediction.label_index for prediction in predictions).items():
            series.labels(manifest.labels[index]).inc(count)
        for familiar, count in Count(prediction.in_distribution for prediction in predictions).items():
            if familiar is not None:
                series.in_distribution[familiar].inc(count)

    def count_change(self, change: Change) -> None:
        """Counts what became of a version in this worker; one that failed may still answer as it was before."""
        version = (change.model, str(change.version))
        self._loads.labels(*version, change.outcome).inc()
        self._ready.labels(*version).set(change.ready)

    def count_request(self, record: RequestRecord) -> None:
        """Counts a finished request, and the time that its stages took."""
        method = record.method if record.method in _METHODS else "other"
        self._requests_of(method, record.route, str(record.status)).inc()
        self._seconds_of(record.route).observe(record.total_s)
        if record.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._shed.labels(record.route).inc()
        elif record.status == HTTPStatus.GATEWAY_TIMEOUT:
            self._late.labels(record.route).inc()
        if record.model:
            series = self._version(record.model, str(record.version))
            for stage, seconds in record.stages_s.items():
                series.stages[stage].inc(seconds)
            if record.status == HTTPStatus.OK:
                series.seconds.observe(record.total_s)

    def set_load(self, waiting: int, computing: int) -> None:
        """Exports how many requests of this worker wait and are being computed."""
        self._waiting.set(waiting)
        self._computing.set(computing)

    def text(self) -> bytes:
        """All metrics of all workers in Prometheus' text format."""
        if FOLDER_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def blueprint(self) -> Blueprint:
        """`/metrics`."""
        routes = Blueprint("metrics", __name__)
        routes.add_url_rule("/metrics", "metrics", lambda: Response(self.text(), content_type=CONTENT_TYPE_LATEST))
        return routes

    def _look_up_version(self, model: str, version: str) -> _VersionMetrics:
        return _VersionMetrics(
            self._prediction_seconds.labels(model, version),
            self._probability.labels(model, version),
            {stage: self._stage_seconds.labels(stage, model, version) for stage in STAGES},
            {flag: self._in_distribution.labels(model, version, str(flag).lower()) for flag in (True, False)},
            cache(lambda label: self._predictions.labels(model, version, label)),
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry, multiprocess_mode="livesum")
