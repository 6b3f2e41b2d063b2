"""Any request gets an answer, and never one that says the service failed."""

import json
from http import HTTPStatus
from urllib.parse import unquote

from tests.app import App, loading_app, run
from tests.conftest import MODELS, golden
from tests.exchange import Exchange

WORDS = (
    b"GET ", b"POST ", b"HEAD ", b"OPTIONS ", b"/models", b"/mnist", b"/predict", b"/versions/", b"/labels/", b"/v1",
    b"/v2", b":predict", b":classify", b"/infer", b"/repository/", b"/metadata", b"/examples/0.png", b"?top_k=",
    b"&seen=1", b"%00", b"%ff", b"..", b"//", b"\r\n", b"Content-Type: ", b"multipart/form-data; boundary=b",
    b"application/json", b"X-Request-Timeout: ", b"Accept: ", b"Range: ", b"traceparent: ", b"X-Request-ID: ",
    b"Origin: ", b"Content-Encoding: gzip\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: ",
    b"Inference-Header-Content-Length: ", b"Authorization: Bearer ", b"If-Modified-Since: ", b"Accept-Encoding: ",
)  # fmt: skip


def _loaded() -> App:
    app = loading_app(MODELS, engine="litert", max_images=4, max_image_pixels=2**18, max_request_bytes=2**16)
    app.application.registry.load(only="mnist")
    return app


_APP = _loaded()


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
    """Asks the application as the server would."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, target = first.partition(" ")
    path, _, query = target.partition("?")
    if not (target.isascii() and target.isprintable()):
        return  # refused by the server
    headers = dict(_header(line) for line in lines if ":" in line)
    chunks = (body,) if body else ()
    exchange = Exchange(method, unquote(path), *chunks, headers=headers, query=query, raw_path=path.encode())
    run(exchange.run(_APP.application))
    assert exchange.status != HTTPStatus.INTERNAL_SERVER_ERROR, exchange.body
    if exchange.status >= HTTPStatus.BAD_REQUEST and method != "HEAD":
        assert json.loads(exchange.body)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    known = name.strip().lower()
    # The length of the body is what follows the head.
    return (f"x-{known}" if known in ("content-length", "transfer-encoding") else known), value.strip()
