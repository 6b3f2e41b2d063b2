"""The application: puts together what answers over HTTP."""

import atexit
import json
import os

from flask import Flask

from service import heap
from service.admission import Admission
from service.api import access, cors, deadlines, docs, headers, health, malformed, page, problems
from service.api.bodies import QuickJson
from service.api.computing import Computing
from service.api.converters import CONVERTERS
from service.api.door import Door
from service.api.native import Native
from service.api.open_inference.routes import OpenInference
from service.api.telemetry import request_id, request_log, trace, trail
from service.api.telemetry.metrics import Metrics
from service.api.tensorflow_serving.routes import TensorFlowServing
from service.inference.registry import Registry
from service.inference.watch import Watch
from service.keys import KeyFile
from service.settings import MODELS_AT_START, Settings, read_settings


def create_app(settings: Settings | None = None) -> Flask:
    """What gunicorn's workers call: an app whose models are loaded.

    A worker accepts its first connection after this, so no request ever meets one that is still loading: until then the
    other workers answer, and at the start connections wait in the socket's backlog. From then on a thread follows what
    changes in the models folder.
    """
    settings = settings or read_settings()
    registry = Registry(settings.models_dir, settings.engine, settings.computing_threads, _models_at_start())
    app = build_app(settings, registry)
    registry.load()
    heap.trim()
    if settings.poll_interval_s:
        watch = Watch(registry, settings.poll_interval_s)
        watch.start()
        atexit.register(watch.stop)
    return app


def _models_at_start() -> frozenset[str] | None:
    """The models that gunicorn's parent found, so that a worker born later is not held back by one that came bad."""
    names = os.environ.get(MODELS_AT_START)
    return None if names is None else frozenset(json.loads(names))


def build_app(settings: Settings, registry: Registry) -> Flask:
    """The app over a registry, whether that is loaded or not."""
    app = Flask("service", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_bytes
    # Labels keep their class order.
    app.json = QuickJson(app)
    # `/models//mnist` is a 404, not an HTML redirect.
    app.url_map.merge_slashes = False
    app.url_map.converters |= CONVERTERS
    metrics = Metrics()
    registry.observe(metrics.count_change)
    admission = Admission(settings.computing_threads, settings.max_waiting, settings.max_wait_s)
    metrics.follow(admission)
    door = Door(admission, metrics, settings.max_wait_s)
    door.init_app(app)
    _watch(app, metrics, settings)
    problems.init_app(app)
    malformed.init_app(app)
    deadlines.init_app(app)
    computing = Computing(metrics, admission, settings)
    app.register_blueprint(Native(registry, computing, settings).blueprint())
    app.register_blueprint(TensorFlowServing(registry, computing, settings).blueprint())
    app.register_blueprint(OpenInference(registry, computing, door, settings).blueprint())
    app.register_blueprint(health.blueprint(registry, door))
    app.register_blueprint(page.blueprint(settings))
    app.register_blueprint(docs.blueprint())
    app.wsgi_app = headers.always(app.wsgi_app)  # type: ignore[assignment, method-assign]
    app.extensions["registry"] = registry
    return app


def _watch(app: Flask, metrics: Metrics, settings: Settings) -> None:
    """What every request passes through; what comes later sees the request later and its answer earlier."""
    metrics.init_app(app)
    request_log.init_app(app)
    trail.init_app(app)
    request_id.init_app(app)
    trace.init_app(app)
    cors.init_app(app, settings.cors_origins)
    access.init_app(app, KeyFile(settings.api_keys_file) if settings.api_keys_file else None)
