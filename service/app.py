"""Puts the service together: the Flask application, and around it the ASGI application that a worker runs."""

import json
import os
from pathlib import Path

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError

from service.api import docs, page, problems, telemetry
from service.api.computing import Computing
from service.api.encoding import QuickJson
from service.api.metrics import FOLDER_VARIABLE, Metrics
from service.api.native import Native
from service.api.open_inference.routes import OpenInference
from service.api.tensorflow_serving.routes import TensorFlowServing
from service.asgi import Application
from service.auth import KeyFile
from service.inference.registry import Registry
from service.settings import Settings, read_settings

# Set by gunicorn.conf.py: the models there were at the start, a JSON list.
MODELS_AT_START = "SQUINT_MODELS_AT_START"
# The copy of the last good file of keys, in the folder that all workers share.
LAST_GOOD_KEYS = "keys"
# Of the largest 64-bit number.
_MAX_DIGITS = 19


class _Digits(BaseConverter):
    """A number as it was written, in ASCII; Werkzeug's own takes the digits of every script."""

    regex = "[0-9]+"


class _Number(_Digits):
    """A whole number from 0; a path with a longer one does not exist."""

    def to_python(self, value: str) -> int:
        if len(value) > _MAX_DIGITS:
            raise ValidationError
        return int(value)


class _Name(BaseConverter):
    """A name before a colon and a verb, as in `mnist:predict`."""

    regex = "[^/:]+"


def create() -> Application:
    """The application of a gunicorn worker; its models are not loaded yet."""
    settings = read_settings()
    registry = Registry(settings.models_dir, settings.engine, settings.computing_threads, _models_at_start())
    return create_application(settings, registry)


def create_application(settings: Settings, registry: Registry) -> Application:
    """The ASGI application over a registry, whether that is loaded or not."""
    metrics = Metrics()
    registry.observe(metrics.count_change)
    return Application(create_app(settings, registry, metrics), registry, metrics, _key_file(settings), settings)


def create_app(settings: Settings, registry: Registry, metrics: Metrics) -> Flask:
    """The Flask application: routes and error documents."""
    app = Flask("service", static_folder=None)
    # Labels keep their class order.
    app.json = QuickJson(app)
    # `/models//mnist` is a 404, not an HTML redirect.
    app.url_map.merge_slashes = False
    app.url_map.converters |= {"int": _Number, "digits": _Digits, "name": _Name}
    problems.init_app(app)
    computing = Computing(metrics, settings)
    app.register_blueprint(Native(registry, computing, settings).blueprint())
    app.register_blueprint(TensorFlowServing(registry, computing, settings).blueprint())
    app.register_blueprint(OpenInference(registry, computing, settings).blueprint())
    app.register_blueprint(metrics.blueprint())
    app.register_blueprint(page.blueprint(settings))
    app.register_blueprint(docs.blueprint())
    app.before_request(telemetry.note_route)
    return app


def _models_at_start() -> frozenset[str] | None:
    """The models that readiness waits for: a model that breaks later must not make a new worker unready."""
    names = os.environ.get(MODELS_AT_START)
    return None if names is None else frozenset(json.loads(names))


def _key_file(settings: Settings) -> KeyFile | None:
    if settings.api_keys_file is None:
        return None
    folder = os.environ.get(FOLDER_VARIABLE)
    return KeyFile(settings.api_keys_file, Path(folder) / LAST_GOOD_KEYS if folder else None)
