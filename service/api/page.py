"""The page at `/` and the files it is made of, read once and served from memory: no name in a URL reaches the disk."""

from collections.abc import Mapping
from pathlib import Path
from string import Template

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import NotFound

from service.api.encoding import file_response
from service.settings import Settings

_FOLDER = Path(__file__).parent.with_name("static")
_PAGE = "index.html"
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    # Kept, and asked for each time whether it still holds: no module is ever older than the page that imports it.
    "Cache-Control": "no-cache",
}


def blueprint(settings: Settings) -> Blueprint:
    """`/` for people, and for KServe's clients, which need JSON there; below `/static/` the page's files."""
    files = read()
    html = Template(files.pop(_PAGE).decode()).substitute(max_image_bytes=settings.max_image_bytes).encode()
    routes = Blueprint("page", __name__)
    routes.add_url_rule("/", "home", lambda: _home(html))
    routes.add_url_rule("/static/<name>", "static", lambda name: _static(files, name))
    return routes


def read() -> dict[str, bytes]:
    """The page's files by name; other pages in the folder are others' to serve."""
    paths = [path for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES]
    return {path.name: path.read_bytes() for path in paths if path.suffix != ".html" or path.name == _PAGE}


def _home(html: bytes) -> Response:
    response = _file(_PAGE, html) if _names_html() else jsonify(status="alive")
    response.vary.add("Accept")
    return response


def _names_html() -> bool:
    """Whether the client asks for HTML by name, as browsers do; `*/*` is what programs send."""
    asked = dict(request.accept_mimetypes)
    return asked.get("text/html", 0) > 0 and asked["text/html"] >= asked.get("application/json", 0)


def _static(files: Mapping[str, bytes], name: str) -> Response:
    if name not in files:
        raise NotFound
    return _file(name, files[name])


def _file(name: str, content: bytes) -> Response:
    return file_response(content, _TYPES[Path(name).suffix], _HEADERS)
