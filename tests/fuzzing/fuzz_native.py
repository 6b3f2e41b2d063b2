"""Any body of the native API, as form, JSON or file, compressed or not, is uploads, or a fault that has a status."""

import gzip
import json
from io import BytesIO

from flask import Flask, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException

from service.api import uploads
from service.errors import Fault

_TYPES = (
    "multipart/form-data; boundary=b",
    "application/json",
    "image/png",
    "",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
)
_ENCODINGS = ("", "gzip", "identity", "br")
_MOST_IMAGES, _MOST_BYTES = 4, 2**16
WORDS = (
    b"--b\r\n", b"--b--", b"\r\n\r\n", b"Content-Disposition: form-data; ", b'name="image"', b'; filename="a"',
    b"filename*=UTF-8''", b"Content-Transfer-Encoding: base64\r\n", b"Content-Type: text/plain; charset=x\r\n",
    b'{"images": [', b'"aGVsbG8="', b"data:;base64,", b"\\ud800", b"\x1f\x8b\x08", b"]}",
)  # fmt: skip


def _app() -> Flask:
    app = Flask("fuzzing")
    app.config.update(MAX_CONTENT_LENGTH=_MOST_BYTES)
    return app


_APP = _app()


def seeds() -> list[bytes]:
    """Every form there is; the first two bytes choose type and encoding."""
    form = (
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\nhello\r\n'
        b"--b\r\nContent-Disposition: form-data; name=\"image\"; filename*=UTF-8''%c3%a4\r\n\r\n\r\n"
        b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nx\r\n--b--\r\n'
    )
    document = json.dumps({"images": ["aGVsbG8=", "data:image/png;base64,aGVsbG8="], "other": [1, {}]}).encode()
    bodies = [(0, form), (1, document), (2, b"hello"), (4, b"image=hello")]
    plain = [bytes((number, 0)) + body for number, body in bodies]
    squeezed = [bytes((number, 1)) + gzip.compress(body, mtime=0) for number, body in bodies]
    return plain + squeezed


def one(data: bytes) -> None:
    """Reads it as the body of a request."""
    if len(data) < 2:
        return
    body = data[2:]
    environment = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": _TYPES[data[0] % len(_TYPES)],
        "HTTP_CONTENT_ENCODING": _ENCODINGS[data[1] % len(_ENCODINGS)],
    }
    with _APP.request_context(environment):
        try:
            found = uploads.read(request, _MOST_IMAGES, _MOST_BYTES)
        except (Fault, HTTPException, ParseException):
            return
    assert 0 < len(found) <= _MOST_IMAGES and all(isinstance(upload.data, bytes) for upload in found)
