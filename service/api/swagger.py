"""`/docs`: Swagger UI over `/openapi.json`, without a network."""

import functools
import importlib.util
import mimetypes
from pathlib import Path

from flask import Blueprint, Response, abort, request

_OURS = Path(__file__).parent.parent / "static"
# Swagger UI's own distribution, of whose package only the files are wanted: it is found, never imported.
_SWAGGER = "flask_openapi3_swagger"
_SWAGGER_FILES = {
    "swagger-ui.css": "templates/swagger/css/swagger-ui.css",
    "swagger-ui-bundle.js": "templates/swagger/js/swagger-ui-bundle.js",
}
# Swagger UI writes style attributes and shows its icons as data.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_KEPT_S = 3600


def blueprint() -> Blueprint:
    """`/docs`, with the files of Swagger UI below it."""
    routes = Blueprint("swagger", __name__)
    routes.add_url_rule("/docs", "docs", _docs)
    routes.add_url_rule("/docs/<name>", "file", _file)
    return routes


def _docs() -> Response:
    return _sent(_OURS / "docs.html")


def _file(name: str) -> Response:
    if name not in _SWAGGER_FILES:
        abort(404)
    return _sent(_swagger() / _SWAGGER_FILES[name])


@functools.cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


def _sent(path: Path) -> Response:
    response = Response(_content(path), mimetype=mimetypes.guess_type(path.name)[0])
    response.headers["Content-Security-Policy"] = _POLICY
    response.cache_control.max_age = _KEPT_S
    response.add_etag()
    response.make_conditional(request)
    return response


@functools.cache
def _swagger() -> Path:
    found = importlib.util.find_spec(_SWAGGER)
    assert found is not None and found.submodule_search_locations, "it is among the service's dependencies"
    return Path(found.submodule_search_locations[0])
