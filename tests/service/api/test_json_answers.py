"""Answers are the JSON that Python itself would have written, whatever a caller had echoed."""

import json

import pytest
from flask import Flask

from service.api.json_answers import QuickJson


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


def test_what_is_no_json_is_refused_as_before() -> None:
    with pytest.raises(TypeError):
        QuickJson(Flask("json")).dumps({"value": object()})
