"""JSON from strangers is an object or a fault that says why; it costs neither time nor depth nor memory."""

import pytest
from werkzeug.test import Client

PREDICT = "/v1/models/mnist:predict"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"\xef\xbb\xbf", "JSON Parse error: The document is empty"),
        (b"instances = [1, 2]", "JSON Parse error: Invalid value (Expecting value) at offset: 0"),
        (b'{"instances": [1]}X', "Invalid value (Extra data) at offset: 18"),
        (b'{"instances": "\xff"}', "not UTF-8 at offset: 15"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', 'the key "b" is given more than once'),
        (b'{"instances": ' + b"[" * 8_000, "nested too deeply"),
        (b'{"signature_name": ' + b'{"a":' * 8_000 + b"0" + b"}" * 8_001, "nested too deeply"),
        (b'{"instances": [' + b"9" * 5000 + b"]}", "too many digits"),
        (b"null", "JSON Value: null Is not object"),
        (b'"' + b"x" * 1000 + b'"', "Is not object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_object_is_a_fault_that_says_where(client: Client, body: bytes, text: str) -> None:
    response = client.post(PREDICT, data=body)
    assert response.status_code == 400
    told = response.get_json()["error"]
    assert text in told and len(told) < 200


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "1." + "1" * 100_000, "9" * 4000, "-0"])
def test_no_number_that_is_no_pixel_is_taken(client: Client, number: str) -> None:
    response = client.post(PREDICT, data=f'{{"instances": [{number}]}}')
    assert response.status_code == 400 and len(response.text) < 400


def test_a_text_may_hold_what_no_utf_8_can(client: Client) -> None:
    response = client.post(PREDICT, data=rb'{"signature_name": "\ud800", "instances": [1]}')
    assert response.status_code == 400 and "signature" in response.get_json()["error"]


def test_a_byte_order_mark_is_skipped(client: Client) -> None:
    response = client.post(PREDICT, data=b"\xef\xbb\xbf{}")
    assert "Missing 'inputs' or 'instances' key" in response.get_json()["error"]


@pytest.mark.parametrize("part", [b"[],", b"0,", b'"",', b"{},", b"[[[]]],"])
def test_a_body_of_many_small_values_is_refused_before_it_is_parsed(client: Client, part: bytes) -> None:
    body = b'{"instances": [' + part * 20_000  # without an end: parsed, it would be a 400
    response = client.post(PREDICT, data=body)
    assert response.status_code == 413 and "values that the images of one request may have" in response.text
