"""Calls a WSGI application (PEP 3333) for an ASGI request whose body is in memory."""

import sys
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Headers = list[tuple[bytes, bytes]]

# The body is whole: only its length is left to say.
_BODY_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


def environ(scope: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """The WSGI environ of a request."""
    host, port = scope.get("server") or ("", None)
    variables: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or ""),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        # An underscore would become the same name as a dash, and so pass for another header.
        if b"_" not in name and name not in _BODY_FRAMING:
            key = name.decode("latin-1").upper().replace("-", "_")
            key, text = key if key == "CONTENT_TYPE" else f"HTTP_{key}", value.decode("latin-1")
            variables[key] = f"{variables[key]},{text}" if key in variables else text
    return variables


def call(application: "WSGIApplication", variables: dict[str, Any]) -> tuple[int, Headers, bytes]:
    """Status, headers and body of the application's answer."""
    status, headers = "", list[tuple[str, str]]()

    def start_response(line: str, fields: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
        nonlocal status, headers
        status, headers = line, fields
        return lambda data: None

    parts = application(variables, start_response)
    try:
        body = b"".join(parts)
    finally:
        if close := getattr(parts, "close", None):
            close()
    return int(status[:3]), encoded(headers), body


def encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers as ASGI has them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
