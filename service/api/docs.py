"""The HTTP interface described: `openapi.yaml` as it is, as JSON, and at `/docs` for people, without a network."""

import functools
import importlib.util
import json
import mimetypes
from pathlib import Path

import yaml
from flask import Blueprint, Response, abort

from service.api.encoding import file_response

DOCUMENT = Path(__file__).with_name("openapi.yaml")
_PAGE = Path(__file__).parent.with_name("static") / "docs.html"
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
_MAX_AGE_S = 3600


def blueprint() -> Blueprint:
    """`/openapi.yaml`, `/openapi.json`, and `/docs` with the files of Swagger UI below it."""
    routes = Blueprint("docs", __name__)
    routes.add_url_rule("/openapi.yaml", "yaml", lambda: Response(_content(DOCUMENT), mimetype="application/yaml"))
    routes.add_url_rule("/openapi.json", "json", lambda: Response(as_json(), mimetype="application/json"))
    routes.add_url_rule("/docs", "page", lambda: _file(_PAGE))
    routes.add_url_rule("/docs/<name>", "swagger", _swagger_file)
    return routes


@functools.cache
def as_json() -> str:
    """The document as JSON; parsed at the first call, which takes some tenths of a second."""
    return json.dumps(yaml.safe_load(_content(DOCUMENT)))


def _swagger_file(name: str) -> Response:
    if name not in _SWAGGER_FILES:
        abort(404)
    return _file(_swagger() / _SWAGGER_FILES[name])


@functools.cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


def _file(path: Path) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": f"max-age={_MAX_AGE_S}"}
    return file_response(_content(path), mimetypes.guess_type(path.name)[0], headers)


@functools.cache
def _swagger() -> Path:
    found = importlib.util.find_spec(_SWAGGER)
    assert found is not None and found.submodule_search_locations, "it is among the service's dependencies"
    return Path(found.submodule_search_locations[0])
