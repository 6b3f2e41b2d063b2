"""Inference requests to the MNIST model, and their answers."""

import json
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from werkzeug.test import Client

from tests.conftest import golden, shipped

VERSION = shipped("mnist").name
INFER = "/v2/models/mnist/infer"
LENGTH = "Inference-Header-Content-Length"
SEVEN = golden()
PIXELS: NDArray[np.uint8] = np.asarray(Image.open(BytesIO(SEVEN)))[None, :, :, None]


def image(**changes: Any) -> dict[str, Any]:
    """The request's input, in JSON; a change to None leaves a key out."""
    one = {"name": "image", "datatype": "UINT8", "shape": [1, 28, 28, 1], "data": PIXELS.ravel().tolist()} | changes
    return {key: value for key, value in one.items() if value is not None}


def files(*texts: str, **changes: Any) -> dict[str, Any]:
    """The request's input as encoded files, in JSON."""
    return image(datatype="BYTES", shape=[len(texts)], data=list(texts)) | changes


def binary(size: object, **changes: Any) -> dict[str, Any]:
    """The request's input with its data in the binary part."""
    return image(data=None, parameters={"binary_data_size": size}) | changes


def post(client: Client, head: object, tail: bytes = b"", **headers: str) -> Any:
    """Status 200 or not, the answer to a request; with the header if there is a binary part."""
    body = json.dumps(head).encode()
    told = {LENGTH: str(len(body))} if tail else {}
    return client.post(INFER, data=body + tail, headers=told | headers)


def outputs(response: Any) -> dict[str, Any]:
    """The outputs of an answer by name: an array, or the strings of a BYTES output."""
    assert response.status_code == 200, response.get_data()
    head = int(response.headers.get(LENGTH, len(response.data)))
    answer, tail = json.loads(response.data[:head]), response.data[head:]
    found = {}
    for output in answer["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is not None:
            raw, tail = tail[:size], tail[size:]
            assert output["datatype"] == "FP32" and len(raw) == size and "data" not in output
            found[output["name"]] = np.frombuffer(raw, "<f4").reshape(output["shape"])
        else:
            data = output["data"]
            found[output["name"]] = np.array(data).reshape(output["shape"]) if output["datatype"] == "FP32" else data
    assert not tail
    return found


def refused(response: Any, status: int, *words: str) -> None:
    """The answer is a fault in the protocol's shape whose sentence holds these words."""
    assert response.status_code == status, response.get_data()
    assert response.mimetype == "application/json" and list(response.get_json()) == ["error"]
    for word in words:
        assert word in response.get_json()["error"]


def native(client: Client) -> list[float]:
    answer = client.post("/models/mnist/predict", data=SEVEN).get_json()
    return list(answer["predictions"][0]["probabilities"].values())
