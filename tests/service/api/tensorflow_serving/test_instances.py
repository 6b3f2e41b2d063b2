"""Bodies of TF Serving's REST API that cannot be answered are told so in its own words."""

import base64
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from werkzeug.test import Client, TestResponse

from tests.conftest import golden, png

PATH = "/v1/models/mnist"
BLANK = np.zeros((28, 28, 1), int).tolist()
B64 = {"b64": base64.b64encode(golden()).decode()}


def fault(response: TestResponse, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json" and list(response.get_json()) == ["error"]
    return str(response.get_json()["error"])


def changed(value: object) -> Any:
    """A blank picture with another value in one place."""
    rows = np.zeros((28, 28, 1), int).tolist()
    rows[3][4] = [value]
    return rows


WRONG_TYPE = "is not of expected type: uint8"
AT_1 = "Failed to process element: 1 of 'instances' list. Error: "
DOCUMENTS: list[tuple[str, Any, str]] = [
    ("signature is no string", {"signature_name": 100}, "'signature_name' key must be a string value."),
    ("unknown signature", {"signature_name": "x", "instances": [B64]},
     'Serving signature name: "x" not found in signature def'),
    ("neither key", {}, "Missing 'inputs' or 'instances' key"),
    ("both keys", {"inputs": [B64], "instances": [B64]},
     "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"),
    ("instances is null", {"instances": None}, "Expecting 'instances' to be an list/array"),
    ("no instances", {"instances": []}, "No values in 'instances' array"),
    ("text", {"instances": [BLANK, "seven"]}, f'{AT_1}JSON Value: "seven" Type: String {WRONG_TYPE}'),
    ("bytes in a tensor", {"instances": [changed(B64)]}, f"Type: Object {WRONG_TYPE}"),
    ("a fraction", {"instances": [changed(0.5)]}, f"JSON Value: 0.5 Type: Number {WRONG_TYPE}"),
    ("256", {"instances": [changed(256)]}, f"JSON Value: 256 Type: Number {WRONG_TYPE}"),
    ("a huge number", {"instances": [changed(10**400)]}, f"Type: Number {WRONG_TYPE}"),
    ("two pictures in one", {"instances": [[BLANK, BLANK]]}, "Expecting tensor size: 784 but got: 1568"),
    ("one row a list deeper", {"instances": [[*BLANK[:27], [BLANK[27]]]]},
     "Expecting shape {28,28,1} but got: lists of different lengths"),
    ("a flat list", {"instances": [[0] * 784]}, "Expecting shape {28,28,1} but got: {784}"),
    ("a batch of one", {"instances": [[BLANK]]}, "Expecting shape {28,28,1} but got: {1,28,28,1}"),
    ("object, then list", {"instances": [{"image": BLANK}, BLANK]},
     "Expecting object but got list at item 1 of input list"),
    ("list, then object", {"instances": [BLANK, BLANK, {"image": BLANK}]},
     "Expecting value/list but got object at item 2 of input list"),
    ("another name", {"instances": [{"image": B64}, {"picture": B64}]},
     f"{AT_1}JSON object keys must be equal to: image"),
    ("a name too many", {"instances": [{"image": B64, "size": 28}]}, "keys must be equal to: image"),
    ("b64 beside another key", {"instances": [{**B64, "name": "a.png"}]}, "keys must be equal to: image"),
    ("b64 that is no text", {"instances": [{"b64": 5}]}, "keys must be equal to: image"),
    ("bad base64", {"instances": [B64, {"b64": "eA="}]}, f"{AT_1}Unable to base64 decode"),
    ("column without the name", {"inputs": {"picture": [BLANK]}}, "Missing named input: image in 'inputs' object."),
    ("column is null", {"inputs": None}, "Expecting shape {-1,28,28,1}"),
    ("column without the batch", {"inputs": BLANK}, "Expecting tensor size: 784 but got: 28"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "text"), [case[1:] for case in DOCUMENTS], ids=[case[0] for case in DOCUMENTS])
def test_what_cannot_be_predicted_is_told_in_tf_servings_words(
    client: Client, document: dict[str, Any], text: str
) -> None:
    assert text in fault(client.post(f"{PATH}:predict", json=document), 400)


EXAMPLES: list[tuple[str, Any, str]] = [
    ("no examples", {"instances": [B64]}, "When method is classify, key 'examples' is expected and was not found"),
    ("examples is an object", {"examples": {"image": B64}}, "list/array"),
    ("the context is a list", {"examples": [{"image": B64}], "context": []}, "Example must be JSON object"),
    ("no feature", {"examples": [{"picture": B64}]}, "the feature image is missing"),
    ("null", {"examples": [{"image": None}]}, "image has element with unexpected JSON type: Null"),
    ("an object", {"examples": [{"image": {"a": 1}}]}, "image has element with unexpected JSON type: Object"),
    ("mixed numbers", {"examples": [{"image": [1, 2.0]}]}, "expecting type: int64"),
    ("beyond int64", {"examples": [{"image": [2**63]}]}, "Only int64_t is supported"),
    ("bad base64", {"examples": [{"image": {"b64": "-"}}]}, "Unable to base64 decode"),
    ("unknown signature", {"signature_name": "classify", "examples": [{"image": B64}]}, "not found in signature def"),
]


@pytest.mark.parametrize(("document", "text"), [case[1:] for case in EXAMPLES], ids=[case[0] for case in EXAMPLES])
def test_what_cannot_be_classified_is_told_in_tf_servings_words(
    client: Client, document: dict[str, Any], text: str
) -> None:
    assert text in fault(client.post(f"{PATH}:classify", json=document), 400)


@pytest.mark.parametrize("body", ["instances", "inputs", "examples"])
@pytest.mark.parametrize(
    ("file", "status"),
    [(b"this is no picture", 415), (golden()[:60], 422), (b"", 422), (png(Image.new("L", (1100, 1000))), 413)],
    ids=["text", "broken", "empty", "many pixels"],
)
def test_a_file_that_is_no_picture_has_the_status_of_an_upload(
    client: Client, body: str, file: bytes, status: int
) -> None:
    bad = {"b64": base64.b64encode(file).decode()}
    values: list[Any] = [{"image": B64}, {"image": bad}] if body == "examples" else [B64, bad]
    verb = "classify" if body == "examples" else "predict"
    assert "image 1" in fault(client.post(f"{PATH}:{verb}", json={body: values}), status)


@pytest.mark.parametrize("body", ["instances", "inputs", "examples"])
def test_more_images_than_a_request_may_hold_are_413(client: Client, body: str) -> None:
    verb, value = ("classify", {"image": B64}) if body == "examples" else ("predict", B64)
    assert client.post(f"{PATH}:{verb}", json={body: [value] * 5}).status_code == 200
    assert "at most 5" in fault(client.post(f"{PATH}:{verb}", json={body: [value] * 6}), 413)


def test_as_many_images_as_a_request_may_hold_fit_in_every_format(client: Client) -> None:
    white = (np.zeros((28, 28, 1), int) + 255).tolist()
    for document in ({"instances": [{"image": white}] * 5}, {"inputs": [white] * 5}):
        assert client.post(f"{PATH}:predict", json=document).status_code == 200
    array = np.asarray(Image.open(BytesIO(golden("cifar10", 1)))).tolist()
    assert client.post("/v1/models/cifar10:predict", json={"instances": [{"image": array}] * 5}).status_code == 200
