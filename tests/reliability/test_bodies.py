"""Bodies that grow when they are inflated or parsed."""

import gzip
import json
import time

import pytest

from tests.conftest import golden
from tests.integration.processes import living_workers
from tests.integration.server import Server
from tests.integration.wire import post, wire
from tests.reliability.bombs import deflated
from tests.reliability.conftest import Tell
from tests.reliability.memory import peak
from tests.reliability.scale import Scale

pytestmark = pytest.mark.reliability
NATIVE, V1, V2 = "/models/mnist/predict", "/v1/models/mnist:predict", "/v2/models/mnist/infer"
JSON = "Content-Type: application/json"
# The largest body that is allowed has 32 MiB.
MOST_MIB, LONGEST_S = 200, 1
LARGEST = 32 * 2**20 - 100


@pytest.fixture(scope="module")
def zeros(scale: Scale) -> bytes:
    """Many zeros, deflated."""
    return deflated(scale.bomb_bytes)


def gzipped(stream: bytes) -> bytes:
    """A gzip file around what zlib has deflated; its trailer is wrong, and comes after the harm."""
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + stream[2:-4] + bytes(8)


def refused(server: Server, request: bytes, statuses: set[int], tell: Tell) -> None:
    """Sends it and judges how it was answered, and at what cost."""
    workers = living_workers(server)
    with peak(server) as more, wire(server) as client:
        began = time.monotonic()
        client.send(request)
        answer = client.answered()
        took = time.monotonic() - began
    tell(f"{len(request)} bytes: {answer.status} in {took:.2f} s, {more[0]:.0f} MiB more")
    assert answer.status in statuses, answer.body
    assert took <= LONGEST_S and more[0] <= MOST_MIB and living_workers(server) == workers
    assert server.post(NATIVE, golden())[0] == 200


@pytest.mark.parametrize("type_", [JSON, "Content-Type: multipart/form-data; boundary=b", "Content-Type: image/png"])
@pytest.mark.parametrize("path", [NATIVE, V1, V2])
def test_a_body_that_inflates_without_end_is_given_up(
    server: Server, zeros: bytes, path: str, type_: str, tell: Tell
) -> None:
    refused(server, post(path, gzipped(zeros), "Content-Encoding: gzip", type_), {413}, tell)


def test_a_bomb_in_a_bomb_is_inflated_once(server: Server, zeros: bytes, tell: Tell) -> None:
    body = gzip.compress(gzipped(zeros))
    refused(server, post(NATIVE, body, "Content-Encoding: gzip", JSON), {400}, tell)
    refused(server, post(NATIVE, body, "Content-Encoding: gzip, gzip", JSON), {415}, tell)


def test_many_members_count_as_one(server: Server, tell: Tell) -> None:
    body = gzip.compress(bytes(2**20)) * 1000
    refused(server, post(NATIVE, body, "Content-Encoding: gzip", JSON), {400}, tell)


def _repeated(part: bytes, head: bytes = b"", tail: bytes = b"") -> bytes:
    return head + part * ((LARGEST - len(head) - len(tail)) // len(part)) + tail


# What parsers have stumbled over, each as large as a body may be.
LARGE = {
    "lists-in-lists": _repeated(b"["),
    "objects-in-objects": _repeated(b'{"a":'),
    "inputs-in-lists": _repeated(b"[", b'{"inputs": '),
    "empty-lists": _repeated(b"[],", b'{"instances": [', b"0]}"),
    "empty-objects": _repeated(b"{},", b'{"instances": [', b"0]}"),
    "keys": b"{" + b",".join(b'"%d":0' % number for number in range(2_000_000)) + b"}",
    "one-key-again": _repeated(b'"a":0,', b"{", b'"b":0}'),
    "digits": _repeated(b"9", b'{"instances": [', b"]}"),
    "exponent": b'{"instances": [1e999999999]}',
    "one-text": _repeated(b"A", b'{"images": ["', b'"]}'),
    "escapes": _repeated(b"\\u0000", b'{"images": ["', b'"]}'),
    "half-pairs": _repeated(b"\\ud800", b'{"images": ["', b'"]}'),
    "texts": _repeated(b'"",', b'{"images": [', b'""]}'),
    "blanks": _repeated(b" ", b"{", b"}"),
    "nothing-but-quotes": _repeated(b'"'),
    "not-utf-8": _repeated(b"\xff", b'{"images": ["', b'"]}'),
}


@pytest.mark.parametrize("path", [NATIVE, V1, V2])
@pytest.mark.parametrize("name", LARGE)
def test_json_that_is_large_in_any_way_is_refused(server: Server, name: str, path: str, tell: Tell) -> None:
    refused(server, post(path, LARGE[name], JSON), {400, 413, 422}, tell)


def test_what_is_deep_once_inflated_is_refused(server: Server, tell: Tell) -> None:
    deep = gzip.compress(LARGE["lists-in-lists"])
    for path in (NATIVE, V1, V2):
        refused(server, post(path, deep, "Content-Encoding: gzip", JSON), {400, 413}, tell)


def test_forms_of_many_parts_are_refused(server: Server, tell: Tell) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n\r\n'
    heads = b"--b\r\n" + b"A: b\r\n" * 1_000_000
    for body in (part * 100_000 + b"--b--\r\n", heads, b"--b" * 1_000_000, json.dumps("-" * 10**7).encode()):
        refused(server, post(NATIVE, body, "Content-Type: multipart/form-data; boundary=b"), {400, 413}, tell)
