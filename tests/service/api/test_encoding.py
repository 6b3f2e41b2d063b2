"""Bodies are decompressed, never beyond the limit; answers are the JSON that Python itself would write."""

import base64
import gzip
import json
import tracemalloc
from collections.abc import Callable

import pytest
from flask import Flask, Request
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.test import Client, EnvironBuilder

from service.api.encoding import QuickJson, read_body
from service.api.problems import RequestFault
from service.errors import BodyTooLarge
from tests.conftest import golden

PREDICT = "/models/mnist/predict"
TEXT = b"every byte of it " * 100
ENCODINGS = ("gzip", "x-gzip")


def sent(data: bytes, encoding: str | None = None) -> Request:
    headers = [] if encoding is None else [("Content-Encoding", encoding)]
    return Request(EnvironBuilder(method="POST", data=data, headers=headers).get_environ())


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity "])
def test_a_plain_body_is_returned_as_it_was_sent(encoding: str | None) -> None:
    assert read_body(sent(TEXT, encoding), len(TEXT)) == TEXT
    assert read_body(sent(b"", encoding), 10) == b""


@pytest.mark.parametrize("encoding", [*ENCODINGS, "GZIP"])
def test_a_compressed_body_is_inflated_up_to_the_limit_and_no_further(encoding: str) -> None:
    data = gzip.compress(TEXT)
    assert read_body(sent(data, encoding), len(TEXT)) == TEXT
    with pytest.raises(BodyTooLarge):
        read_body(sent(data, encoding), len(TEXT) - 1)


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    bomb = gzip.compress(bytes(100_000_000))
    tracemalloc.start()
    with pytest.raises(BodyTooLarge):
        read_body(sent(bomb, "gzip"), 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "broken",
    [
        lambda data: b"",
        lambda data: b"no compressed data",
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data + b"more",
        lambda data: data + data,
        lambda data: data[:-8] + bytes(8),
    ],
    ids=["empty", "plain", "without its last byte", "half", "followed by more", "twice", "with a wrong checksum"],
)
def test_what_cannot_be_inflated_is_a_fault_of_the_request(broken: Callable[[bytes], bytes]) -> None:
    with pytest.raises(RequestFault, match="inflated as gzip") as raised:
        read_body(sent(broken(gzip.compress(TEXT)), "gzip"), 1_000_000)
    assert raised.value.code == "bad_encoding"


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "compress", "gzip2"])
def test_an_unknown_encoding_is_refused_with_those_that_are_known(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="gzip, x-gzip, or none"):
        read_body(sent(TEXT, encoding), 1_000_000)


def bodies_of(picture: bytes) -> list[tuple[str, bytes]]:
    """The picture in every body form, as Content-Type and body."""
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="seven.png"\r\n\r\n'
    form = head + picture + b"\r\n--x--\r\n"
    text = json.dumps({"images": [base64.b64encode(picture).decode()]}).encode()
    return [("multipart/form-data; boundary=x", form), ("application/json", text), ("image/png", picture)]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("content_type", "body"), bodies_of(golden()), ids=["multipart", "json", "raw"])
def test_pictures_are_classified_from_compressed_bodies(
    client: Client, encoding: str, content_type: str, body: bytes
) -> None:
    headers = {"Content-Encoding": encoding}
    answer = client.post(PREDICT, data=gzip.compress(body), content_type=content_type, headers=headers)
    assert answer.get_json() == client.post(PREDICT, data=body, content_type=content_type).get_json()
    assert answer.get_json()["predictions"][0]["label"] == "7"


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "application/json", "image/png"])
@pytest.mark.parametrize(
    ("encoding", "data", "status", "code"),
    [
        ("gzip", gzip.compress(bytes(200_001)), 413, "request_entity_too_large"),
        ("gzip", b"plain", 400, "bad_encoding"),
        ("br", b"plain", 415, "unsupported_media_type"),
    ],
)
def test_faults_of_compressed_bodies_are_problems_in_every_body_form(
    client: Client, content_type: str, encoding: str, data: bytes, status: int, code: str
) -> None:
    headers = {"Content-Encoding": encoding}
    answer = client.post(PREDICT, data=data, content_type=content_type, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": [0.1, 1e-7, 0.9999999, 1e22, 2**70, True, None], "ä": "ß", "nested": {"1": []}},
        {"detail": "half a pair: \ud800"},
        {"file": "\x00\x1f\x7f\u2028", "tuple": (1, 2)},
    ],
)
def test_an_answer_reads_back_as_it_was_and_in_its_order(value: dict[str, object]) -> None:
    told = QuickJson(Flask("json")).dumps(value)
    assert json.dumps(json.loads(told)) == json.dumps(value)


def test_what_is_no_json_is_refused_by_flask() -> None:
    with pytest.raises(TypeError):
        QuickJson(Flask("json")).dumps({"value": object()})
