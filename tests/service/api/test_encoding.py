"""Compressed bodies are read as plain ones, never beyond the limit."""

import base64
import gzip
import json
import tracemalloc
from collections.abc import Callable

import pytest
from flask import Request
from werkzeug.test import Client, EnvironBuilder

from service.api.encoding import read_body
from service.errors import BodyTooLarge
from tests.conftest import golden

PREDICT = "/models/mnist/predict"
TEXT = b"every byte of it " * 100


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    bomb = gzip.compress(bytes(100_000_000))
    environ = EnvironBuilder(method="POST", data=bomb, headers=[("Content-Encoding", "gzip")]).get_environ()
    tracemalloc.start()
    with pytest.raises(BodyTooLarge):
        read_body(Request(environ), 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "broken",
    [
        lambda data: b"",
        lambda data: b"no compressed data",
        lambda data: data[:-1],
        lambda data: data + data,
        lambda data: data[:-8] + bytes(8),
    ],
    ids=["empty", "plain", "without its last byte", "twice", "with a wrong checksum"],
)
def test_what_cannot_be_inflated_is_a_fault_of_the_request(client: Client, broken: Callable[[bytes], bytes]) -> None:
    answer = client.post(PREDICT, data=broken(gzip.compress(TEXT)), headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_encoding")
    assert "inflated as gzip" in answer.get_json()["detail"]


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip"])
def test_an_unknown_encoding_is_refused_with_those_that_are_known(client: Client, encoding: str) -> None:
    answer = client.post(PREDICT, data=TEXT, headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")
    assert "gzip, x-gzip, or none" in answer.get_json()["detail"]


def bodies_of(picture: bytes) -> list[tuple[str, bytes]]:
    """The picture in every body form, as Content-Type and body."""
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="seven.png"\r\n\r\n'
    form = head + picture + b"\r\n--x--\r\n"
    text = json.dumps({"images": [base64.b64encode(picture).decode()]}).encode()
    return [("multipart/form-data; boundary=x", form), ("application/json", text), ("image/png", picture)]


@pytest.mark.parametrize(("content_type", "body"), bodies_of(golden()), ids=["multipart", "json", "raw"])
def test_pictures_are_classified_from_compressed_bodies(client: Client, content_type: str, body: bytes) -> None:
    expected = client.post(PREDICT, data=body, content_type=content_type).get_json()
    assert expected["predictions"][0]["label"] == "7"
    for encoding, sent in (("gzip", gzip.compress(body)), ("X-GZIP", gzip.compress(body)), ("identity", body)):
        headers = {"Content-Encoding": encoding}
        assert client.post(PREDICT, data=sent, content_type=content_type, headers=headers).get_json() == expected


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "application/json", "image/png"])
def test_a_body_that_is_too_large_once_inflated_is_413(client: Client, content_type: str) -> None:
    headers = {"Content-Encoding": "gzip"}
    answer = client.post(PREDICT, data=gzip.compress(bytes(200_001)), content_type=content_type, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (413, "request_entity_too_large")
