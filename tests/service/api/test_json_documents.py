"""JSON from strangers is an object or a fault that says why; it costs neither time nor depth nor memory."""

import json

import pytest
from werkzeug.test import Client

from service.api import json_documents
from service.api.problems import RequestFault, TooManyImages

MOST = 600_000
PREDICT = "/v1/models/mnist:predict"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b" \n\t ", "JSON Parse error: The document is empty"),
        (b"\xef\xbb\xbf", "JSON Parse error: The document is empty"),
        (b"instances = [1, 2]", "JSON Parse error: Invalid value (Expecting value) at offset: 0"),
        (b'{"instances": [1,]}', "at offset: "),
        (b'{"instances": [1]', "at offset: 17"),
        (b'{"instances": [1]}X', "Invalid value (Extra data) at offset: 18"),
        (b"{'instances': [1]}", "Invalid value"),
        (b'{"instances": [01]}', "Invalid value"),
        (b'{"instances": "\x01"}', "Invalid value"),
        (b'{"instances": "\xff"}', "not UTF-8 at offset: 15"),
        ('{"instances": [1]}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"instances": [1], "instances": [2]}', 'the key "instances" is given more than once'),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', 'the key "b" is given more than once'),
        (b'{"instances": ' + b"[" * 500_000, "nested too deeply"),
        (b'{"instances": [1], "nested": ' + b"[" * 250_000 + b"]" * 250_000 + b"}", "nested too deeply"),
        (b'{"signature_name": ' + b'{"a":' * 250_000 + b"0" + b"}" * 250_001, "nested too deeply"),
        (b'{"instances": [' + b"9" * 5000 + b"]}", "too many digits"),
        (b"[1, 2]", "Is not object"),
        (b"null", "JSON Value: null Is not object"),
        (b'"' + b"x" * 1000 + b'"', "Is not object"),
        (b"NaN", "Is not object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_object_is_a_fault_that_says_where(client: Client, body: bytes, text: str) -> None:
    with pytest.raises(RequestFault) as raised:
        json_documents.parse(body, MOST)
    assert text in raised.value.text and len(raised.value.text) < 200


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "1." + "1" * 100_000, "9" * 4000, "-0"]
)
def test_any_number_is_read_and_none_that_is_no_pixel_is_taken(client: Client, number: str) -> None:
    assert json_documents.parse(f'{{"a": {number}}}'.encode(), MOST).keys() == {"a"}
    response = client.post(PREDICT, data=f'{{"instances": [{number}]}}')
    assert response.status_code == 400 and len(response.text) < 400


def test_a_text_may_hold_what_no_utf_8_can(client: Client) -> None:
    response = client.post(PREDICT, data=rb'{"signature_name": "\ud800", "instances": [1]}')
    assert response.status_code == 400 and "signature" in response.get_json()["error"]


def test_a_byte_order_mark_is_skipped() -> None:
    assert json_documents.parse(b'\xef\xbb\xbf{"a": [1]}', MOST) == {"a": [1]}


@pytest.mark.parametrize("part", [b"[],", b"0,", b'"",', b"{},", b"[[[]]],"])
def test_a_body_of_many_small_values_is_refused_before_it_is_parsed(
    client: Client, monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise AssertionError("this takes seconds and a gigabyte with 32 MiB")

    monkeypatch.setattr(json, "loads", explode)
    body = b'{"instances": [' + part * 40_000 + b"0]}"
    with pytest.raises(TooManyImages, match="more than the 39999 values"):
        json_documents.parse(body, 39_999)
    monkeypatch.undo()
    response = client.post(PREDICT, data=body)
    assert response.status_code == 413 and list(response.get_json()) == ["error"]


def test_a_value_is_quoted_short() -> None:
    assert json_documents.shown("x" * 1000) == '"' + "x" * 59 + "…"
    assert json_documents.shown([[1] * 1000]) == "[…]" and json_documents.shown({"a": 1}) == "{…}"
    assert len(json_documents.shown("\ud800" * 1000)) == 61
