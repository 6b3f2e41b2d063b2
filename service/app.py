"""The application: the only module that knows all the others."""

from flask import Flask

from service.admission import Admission
from service.api import deadlines, health, malformed, problems, request_id
from service.api.computing import Computing
from service.api.door import Door
from service.api.metrics import Metrics
from service.api.native import Native
from service.api.uploads import InMemoryRequest
from service.inference.registry import Registry
from service.settings import Settings, read_settings

# Besides the pictures a form may hold a few other fields.
_OTHER_PARTS = 8
_MAX_TEXT_BYTES = 100_000


def create_app(settings: Settings | None = None) -> Flask:
    """What gunicorn's workers call: an app whose models are loaded.

    A worker accepts its first connection after this, so no request ever meets one that is still loading: until then the
    other workers answer, and at the start connections wait in the socket's backlog.
    """
    settings = settings or read_settings()
    registry = Registry(settings.models_dir, settings.engine, settings.computing_threads)
    registry.load()
    return build_app(settings, registry)


def build_app(settings: Settings, registry: Registry) -> Flask:
    """The app over a registry, whether that is loaded or not."""
    app = Flask("service", static_folder=None)
    app.request_class = InMemoryRequest
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_bytes
    app.config["MAX_FORM_PARTS"] = settings.max_images + _OTHER_PARTS
    app.config["MAX_FORM_MEMORY_SIZE"] = _MAX_TEXT_BYTES
    # Labels keep their class order, and `//models` is a 404, not an HTML redirect.
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False
    metrics = Metrics()
    admission = Admission(settings.computing_threads, settings.max_waiting, settings.max_wait_s)
    door = Door(admission, metrics)
    door.init_app(app)
    request_id.init_app(app)
    metrics.init_app(app)
    problems.init_app(app)
    malformed.init_app(app)
    deadlines.init_app(app)
    app.register_blueprint(Native(registry, Computing(metrics, admission, settings), settings).blueprint())
    app.register_blueprint(health.blueprint(registry, door))
    return app
