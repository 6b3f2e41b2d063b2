"""Any request gets an answer, and never one that says the service failed."""

import json
from collections.abc import Callable
from io import BytesIO

from flask import Flask

from service.app import build_app
from service.inference.registry import Registry
from service.settings import Settings
from tests.conftest import MODELS, golden

_SETTINGS = Settings(models_dir=MODELS, max_images=4, max_image_pixels=2**18, max_request_bytes=2**16)
WORDS = (
    b"GET ", b"POST ", b"HEAD ", b"OPTIONS ", b"/models", b"/mnist", b"/predict", b"/versions/", b"/labels/", b"/v1",
    b"/v2", b":predict", b":classify", b"/infer", b"/repository/", b"/metadata", b"/examples/0.png", b"?top_k=",
    b"&seen=1", b"%00", b"%ff", b"..", b"//", b"\r\n", b"Content-Type: ", b"multipart/form-data; boundary=b",
    b"application/json", b"X-Request-Timeout: ", b"Accept: ", b"Range: ", b"traceparent: ", b"X-Request-ID: ",
    b"Origin: ", b"Content-Encoding: gzip\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: ",
    b"Inference-Header-Content-Length: ", b"Authorization: Bearer ", b"If-Modified-Since: ", b"Accept-Encoding: ",
)  # fmt: skip


def _called() -> Flask:
    registry = Registry(MODELS, "litert", threads=1)
    app = build_app(_SETTINGS, registry)
    registry.load(only="mnist")
    return app


_APP = _called()


def seeds() -> list[bytes]:
    """Requests without a length: the body is what follows the head."""
    form = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n%s\r\n--b--\r\n' % golden()
    return [
        b"GET /models\r\nAccept: text/html\r\n\r\n",
        b"GET /\r\nAccept: text/html\r\nOrigin: https://example.org\r\n\r\n",
        b"GET /v2/models/mnist/versions/2/config\r\nAccept-Encoding: gzip\r\n\r\n",
        b"GET /models/mnist/examples/3.png\r\nIf-None-Match: x\r\n\r\n",
        b"OPTIONS /models/mnist/predict\r\nOrigin: x\r\nAccess-Control-Request-Method: POST\r\n\r\n",
        b"POST /models/mnist/predict?top_k=3&seen=1\r\nX-Request-Timeout: 2\r\ntraceparent: 00-1\r\n\r\n" + golden(),
        b"POST /models/mnist/labels/x/predict\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n" + form,
        b"POST /models/mnist/predict\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n" + form,
        b'POST /v1/models/mnist:predict\r\nContent-Type: application/json\r\n\r\n{"instances": [[[1]]]}',
        b"POST /v1/models/mnist/metadata\r\nX-Request-ID: a\r\n\r\n",
        b"POST /v2/models/mnist/infer\r\nInference-Header-Content-Length: 0\r\n\r\n" + bytes(784),
        b"POST /v2/repository/index\r\n\r\n{}",
        b"GET /metrics\r\n\r\n",
    ]


def one(data: bytes) -> None:
    """Calls the app as gunicorn would."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, target = first.partition(" ")
    path, _, query = target.partition("?")
    if not (query.isascii() and query.isprintable()):
        return  # refused by gunicorn
    environment = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.version": (1, 0),
        "CONTENT_LENGTH": str(len(body)),
        **dict(_header(line) for line in lines if ":" in line),
    }
    said: list[str] = []

    def start_response(status: str, headers: object, error: object = None) -> Callable[[bytes], object]:
        said.append(status)
        return len

    content = b"".join(_APP(environment, start_response))
    assert said[0][:3] != "500", said
    if said[0][0] in "45" and method != "HEAD":
        assert json.loads(content)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    known = name.strip().upper().replace("-", "_")
    return (known if known == "CONTENT_TYPE" else f"HTTP_{known}"), value.strip()
