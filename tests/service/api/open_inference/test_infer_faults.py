"""Inference requests of the Open Inference Protocol that are wrong."""

import base64
import json

import pytest
from werkzeug.test import Client

from tests.app import app_over
from tests.conftest import MODELS
from tests.service.api.open_inference.infer import (
    INFER,
    LENGTH,
    PIXELS,
    SEVEN,
    binary,
    files,
    image,
    post,
    refused,
)


@pytest.mark.parametrize("shape", [[-1, 28, 28, 1], [1.5, 28, 28, 1], ["1", 28, 28, 1], [True], [2**70], None])
def test_a_shape_is_made_of_whole_numbers(client: Client, shape: object) -> None:
    refused(post(client, {"inputs": [image() | {"shape": shape}]}), 400, "inputs.0.shape")


@pytest.mark.parametrize("shape", [[], [0, 28, 28, 1], [28, 28, 1], [1, 32, 32, 3], [2**62, 2**62, 2**62, 1]])
def test_a_shape_is_the_models(client: Client, shape: list[int]) -> None:
    refused(post(client, {"inputs": [image(shape=shape)]}), 400, "invalid shape", "[-1, 28, 28, 1]")


@pytest.mark.parametrize("datatype", ["FP32", "uint8", ""])
def test_another_datatype_is_refused_and_told_which_are_taken(client: Client, datatype: str) -> None:
    refused(post(client, {"inputs": [image(datatype=datatype)]}), 400, "UINT8", "BYTES", json.dumps(datatype))


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ({}, "inputs"),
        ({"inputs": []}, "once, not 0 times"),
        ({"inputs": [image(), image()]}, "once, not 2 times"),
        ({"inputs": [image(data=[1])] * 100}, "inputs"),
        ({"inputs": [image(name="picture")]}, 'unexpected input "picture"'),
        ({"inputs": [image(data=[1, 2, 3])]}, "flat list"),
        ({"inputs": [image(data=[0.5] * 784)]}, "from 0 to 255"),
        ({"inputs": [image(data=None)]}, "neither"),
        ({"inputs": [binary(784, data=[0] * 784)]}, "both"),
        ({"inputs": [image()], "outputs": [{"name": "classes"}]}, 'unexpected output: "classes"'),
        ({"inputs": [image()], "outputs": [{"name": "logits"}, {"name": "logits"}]}, "twice"),
        ({"inputs": [image()], "outputs": [{}]}, "outputs.0.name"),
        ({"inputs": [image()], "id": 42}, "id"),
        ({"inputs": [image()], "parameters": {"binary_data_output": "yes"}}, "binary_data_output"),
        ({"inputs": [image()], "parameters": {"timeout": -1}}, "timeout"),
        ({"inputs": [image()], "outputs": [{"name": "logits", "parameters": {"classification": 0}}]}, "classification"),
        ({"inputs": [files("eA==", "ä")]}, "element 1 is not base64"),
        ({"inputs": [files("eA==") | {"shape": [1, 2]}]}, "invalid shape"),
        ({"inputs": [files("eA==") | {"shape": [2]}]}, "flat list"),
        ([], "Is not object"),
        ({"inputs": [image(name="x" * 10_000)]}, "x…"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told_what_is_wrong(client: Client, head: object, words: str) -> None:
    refused(post(client, head), 400, words)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"x": ' * 8_000, b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}"],
)  # fmt: skip
def test_what_is_no_json_is_refused_however_deep(client: Client, body: bytes) -> None:
    refused(client.post(INFER, data=body), 400)


def test_more_values_than_the_images_of_a_request_have_are_given_up_unread() -> None:
    client = app_over(MODELS, max_images=5, max_request_bytes=2**20).test_client()
    for body in (b'{"inputs": ' + b"[" * 500_000, b'{"inputs": [' + b"{}," * 300_000):
        refused(client.post(INFER, data=body), 413, "values")


@pytest.mark.parametrize("length", ["-1", "x", "99999", "", "9" * 5000, "1_0", "٣"])
def test_a_wrong_header_length_is_refused(client: Client, length: str) -> None:
    body = json.dumps({"inputs": [binary(784)]}).encode() + PIXELS.tobytes()
    response = client.post(INFER, data=body, headers={LENGTH: length.encode().decode("latin-1")})
    refused(response, 400, LENGTH)


@pytest.mark.parametrize("size", [0, 783, 785])
def test_a_raw_body_of_another_size_is_refused(client: Client, size: int) -> None:
    refused(client.post(INFER, data=b"x" * size, headers={LENGTH: "0"}), 400, "784 bytes", str(size))


@pytest.mark.parametrize(
    ("told", "sent", "words"),
    [
        (784, 783, "unexpected size for input 'image', expecting 784 additional bytes for model 'mnist'"),
        (784, 785, "unexpected additional input data for model 'mnist'"),
        (-1, 784, "binary_data_size"),
        ("784", 784, "binary_data_size"),
        (2**70, 784, ""),
    ],
)
def test_binary_data_has_the_size_of_its_shape(client: Client, told: object, sent: int, words: str) -> None:
    refused(post(client, {"inputs": [binary(told)]}, b"x" * sent), 400, words)


def test_binary_data_after_an_input_in_json_is_refused(client: Client) -> None:
    refused(post(client, {"inputs": [image()]}, b"x"), 400, "unexpected additional input data for model 'mnist'")


def test_binary_data_without_the_header_is_told_of_it(client: Client) -> None:
    body = json.dumps({"inputs": [binary(784)]}).encode() + PIXELS.tobytes()
    refused(client.post(INFER, data=body), 400, LENGTH)
    refused(post(client, {"inputs": [binary(784)]}), 400, "expecting 784", "0 bytes follow the JSON")


@pytest.mark.parametrize("tail", [b"\x05\0\0\0abc", b"\0\0\0", b"\x01\0\0\0ab", b"\xff\xff\xff\xff"])
def test_files_that_are_cut_short_are_refused(client: Client, tail: bytes) -> None:
    refused(post(client, {"inputs": [binary(len(tail), datatype="BYTES", shape=[1])]}, tail), 400, "input 'image'")


def test_a_file_that_cannot_be_used_has_the_status_of_an_upload(client: Client) -> None:
    encoded = [base64.b64encode(data).decode() for data in (SEVEN, b"text", SEVEN[:100])]
    for bad, status in ((encoded[1], 415), (encoded[2], 422), ("", 422)):
        response = post(client, {"inputs": [files(encoded[0], bad)]})
        assert response.status_code == status and response.get_json()["error"].startswith("image 1: ")


def test_more_images_than_a_request_may_hold_are_413(client: Client) -> None:
    refused(post(client, {"inputs": [binary(784 * 6, shape=[6, 28, 28, 1])]}, b"x" * 784 * 6), 413, "at most 5")
    refused(post(client, {"inputs": [files(*["eA=="] * 6)]}), 413, "at most 5")
    refused(post(client, {"inputs": [image(shape=[2**62, 28, 28, 1])]}), 413, "at most 5")


def test_a_body_over_the_limit_is_413(client: Client) -> None:
    refused(client.post(INFER, data=b"x" * 200_001), 413)
    refused(client.post(INFER, data=b"x" * 200_001, headers={LENGTH: "0"}), 413)
