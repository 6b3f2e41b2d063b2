"""Inference over the Open Inference Protocol: every form of tensor in and out."""

import base64
import gzip
import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from werkzeug.test import Client

from tests.conftest import golden
from tests.service.api.open_inference.infer import (
    INFER,
    LENGTH,
    PIXELS,
    VERSION,
    binary,
    files,
    image,
    native,
    outputs,
    post,
)


@pytest.mark.parametrize("path", [INFER, f"/v2/models/mnist/versions/{VERSION}/infer"])
def test_json_in_gives_json_out(client: Client, path: str) -> None:
    answer = client.post(path, json={"id": "42", "inputs": [image()]}).get_json()
    assert {key: answer[key] for key in ("model_name", "model_version", "id")} == {
        "model_name": "mnist",
        "model_version": VERSION,
        "id": "42",
    }
    assert [(one["name"], one["datatype"], one["shape"]) for one in answer["outputs"]] == [
        ("probabilities", "FP32", [1, 10]),
        ("logits", "FP32", [1, 10]),
    ]


def test_a_batch_is_answered_in_its_order(client: Client) -> None:
    batch = np.concatenate([np.asarray(Image.open(BytesIO(golden(label=n))))[None, :, :, None] for n in (7, 1, 4)])
    found = outputs(post(client, {"inputs": [binary(batch.size, shape=[3, 28, 28, 1])]}, batch.tobytes()))
    assert found["probabilities"].argmax(axis=1).tolist() == [7, 1, 4]
    texts = [base64.b64encode(golden(label=n)).decode() for n in (7, 1, 4)]
    assert outputs(post(client, {"inputs": [files(*texts)]}))["probabilities"].argmax(axis=1).tolist() == [7, 1, 4]


@pytest.mark.parametrize(
    ("parameters", "asked", "how"),
    [
        ({}, [], {"probabilities": "json", "logits": "json"}),
        ({"binary_data_output": True}, [], {"probabilities": "binary", "logits": "binary"}),
        ({}, [{"name": "logits"}], {"logits": "json"}),
        ({}, [{"name": "logits", "parameters": {"binary_data": True}}], {"logits": "binary"}),
        (
            {"binary_data_output": True},
            [{"name": "logits", "parameters": {"binary_data": False}}, {"name": "probabilities"}],
            {"logits": "json", "probabilities": "binary"},
        ),
    ],
)
def test_outputs_come_as_they_are_asked_for(
    client: Client, parameters: Mapping[str, Any], asked: list[Any], how: Mapping[str, str]
) -> None:
    answer = post(client, {"inputs": [image()], "parameters": parameters, "outputs": asked})
    assert list(outputs(answer)) == list(how)
    assert (LENGTH in answer.headers) == ("binary" in how.values())
    described = json.loads(answer.data[: int(answer.headers.get(LENGTH, len(answer.data)))])["outputs"]
    assert ["binary" if "parameters" in one else "json" for one in described] == list(how.values())


def test_an_output_can_be_asked_for_as_classes(client: Client) -> None:
    asked = [{"name": "probabilities", "parameters": {"classification": 3}}]
    (output,) = post(client, {"inputs": [image()], "outputs": asked}).get_json()["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [1, 3])
    values = [float(text.split(":")[0]) for text in output["data"]]
    assert values == sorted(values, reverse=True) and output["data"][0].endswith(":7:7")
    assert values[0] == pytest.approx(native(client)[7], abs=1e-6)


def test_classes_can_be_binary(client: Client) -> None:
    asked = [{"name": "probabilities", "parameters": {"classification": 1, "binary_data": True}}]
    answer = post(client, {"inputs": [image()], "outputs": asked})
    head = int(answer.headers[LENGTH])
    raw = answer.data[head:]
    assert int.from_bytes(raw[:4], "little") == len(raw) - 4 and raw.endswith(b":7:7")
    assert json.loads(answer.data[:head])["outputs"][0]["parameters"] == {"binary_data_size": len(raw)}


def test_a_request_without_an_id_gets_one_of_its_own(client: Client) -> None:
    ids = {post(client, {"inputs": [image()]}).get_json()["id"] for _ in range(2)}
    assert len(ids) == 2 and all(ids)


def test_keys_and_parameters_that_mean_nothing_here_are_ignored(client: Client) -> None:
    more = {"model_name": "mnist", "parameters": {"priority": 1, "mine": "x"}, "outputs": None, "id": None}
    assert post(client, {"inputs": [image(parameters={"content_type": "np"})], **more}).status_code == 200


def test_long_answers_are_compressed_if_that_is_asked_for(client: Client) -> None:
    asked = {"inputs": [binary(784 * 5, shape=[5, 28, 28, 1])]}
    plain = post(client, asked, PIXELS.tobytes() * 5)
    sent = post(client, asked, PIXELS.tobytes() * 5, **{"Accept-Encoding": "gzip"})
    assert sent.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in sent.headers["Vary"]
    assert len(sent.data) < len(plain.data)
    told, expected = (json.loads(data)["outputs"] for data in (gzip.decompress(sent.data), plain.data))
    assert told == expected
    for refusing in ("identity", "br", "deflate", "gzip;q=0", ""):
        sent = post(client, asked, PIXELS.tobytes() * 5, **{"Accept-Encoding": refusing})
        assert "Content-Encoding" not in sent.headers


def test_a_compressed_request_states_the_length_of_its_json_before_compression(client: Client) -> None:
    head = json.dumps({"inputs": [binary(784)]}).encode()
    headers = {LENGTH: str(len(head)), "Content-Encoding": "gzip"}
    answer = client.post(INFER, data=gzip.compress(head + PIXELS.tobytes()), headers=headers)
    assert outputs(answer)["probabilities"].argmax() == 7


def test_what_would_come_too_late_is_not_computed(client: Client) -> None:
    late = post(client, {"inputs": [image()], "parameters": {"timeout": 1}})
    assert late.status_code == 504 and late.mimetype == "application/json" and list(late.get_json()) == ["error"]
    assert post(client, {"inputs": [image()], "parameters": {"timeout": 60_000_000}}).status_code == 200
