"""The same picture through every dialect: one answer."""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from werkzeug.test import Client

from service import manifest as contract
from tests.conftest import SHIPPED, golden, png, shipped

LENGTH = "Inference-Header-Content-Length"
# How one picture is sent as a file and as an array, and the probabilities that come back, in class order.
Ask = Callable[[Client, str, bytes, Any], list[float]]


def told(response: Any) -> Any:
    assert response.status_code == 200, response.get_data()
    return response.get_json()


def native(client: Client, model: str, **sent: Any) -> list[float]:
    answer = told(client.post(f"/models/{model}/predict", **sent))
    return list(answer["predictions"][0]["probabilities"].values())


def v1(client: Client, model: str, sent: Any) -> list[float]:
    answer = told(client.post(f"/v1/models/{model}:predict", json=sent))
    if "predictions" in answer:
        return list(answer["predictions"][0]["probabilities"])
    return list(answer["outputs"]["probabilities"][0])


def classified_by_v1(client: Client, model: str, sent: Any) -> list[float]:
    (pairs,) = told(client.post(f"/v1/models/{model}:classify", json=sent))["results"]
    assert [label for label, _ in pairs] == list(contract.read(shipped(model)).labels)
    return [score for _, score in pairs]


def v2(client: Client, model: str, image: Any, tail: bytes = b"", **parameters: Any) -> Any:
    """The output's data; with `binary_data` it is read from the binary part."""
    sent = {"inputs": [{"name": "image", **image}], "outputs": [{"name": "probabilities", "parameters": parameters}]}
    head = json.dumps(sent).encode()
    headers = {LENGTH: str(len(head))} if tail else {}
    response = client.post(f"/v2/models/{model}/infer", data=head + tail, headers=headers)
    if parameters.get("binary_data"):
        assert response.status_code == 200, response.get_data()
        return list(np.frombuffer(response.data[int(response.headers[LENGTH]) :], "<f4").astype(float))
    return list(told(response)["outputs"][0]["data"])


def v2_bytes(client: Client, model: str, array: bytes) -> list[float]:
    response = client.post(f"/v2/models/{model}/infer", data=array, headers={LENGTH: "0"})
    probabilities_and_logits = np.frombuffer(response.data[int(response.headers[LENGTH]) :], "<f4")
    return list(np.split(probabilities_and_logits, 2)[0].astype(float))


def classified_by_v2(client: Client, model: str, image: Any) -> list[float]:
    labels = contract.read(shipped(model)).labels
    rows = [text.split(":", 2) for text in v2(client, model, image, classification=len(labels))]
    values = {int(index): float(value) for value, index, label in rows if label == labels[int(index)]}
    return [values[index] for index in range(len(labels))]


def text(file: bytes) -> str:
    return base64.b64encode(file).decode()


def tensor(array: Any, **more: Any) -> dict[str, Any]:
    return {"datatype": "UINT8", "shape": [1, *array.shape], **more}


def encoded(file: bytes) -> dict[str, Any]:
    return {"datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 4 + len(file)}}


DIALECTS: dict[str, Ask] = {
    "multipart": lambda c, m, f, a: native(c, m, data={"image": (BytesIO(f), "picture.png")}),
    "raw": lambda c, m, f, a: native(c, m, data=f),
    "json": lambda c, m, f, a: native(c, m, json={"images": [text(f)]}),
    "v1 instances": lambda c, m, f, a: v1(c, m, {"instances": [a.tolist()]}),
    "v1 named instances": lambda c, m, f, a: v1(c, m, {"instances": [{"image": a.tolist()}]}),
    "v1 inputs": lambda c, m, f, a: v1(c, m, {"inputs": [a.tolist()]}),
    "v1 named inputs": lambda c, m, f, a: v1(c, m, {"inputs": {"image": [a.tolist()]}}),
    "v1 b64": lambda c, m, f, a: v1(c, m, {"instances": [{"b64": text(f)}]}),
    "v1 classify": lambda c, m, f, a: classified_by_v1(c, m, {"examples": [{"image": {"b64": text(f)}}]}),
    "v2 flat": lambda c, m, f, a: v2(c, m, tensor(a, data=a.ravel().tolist())),
    "v2 nested": lambda c, m, f, a: v2(c, m, tensor(a, data=[a.tolist()])),
    "v2 binary": lambda c, m, f, a: v2(
        c, m, tensor(a, parameters={"binary_data_size": a.size}), a.tobytes(), binary_data=True
    ),
    "v2 BYTES": lambda c, m, f, a: v2(c, m, {"datatype": "BYTES", "shape": [1], "data": [text(f)]}),
    "v2 binary BYTES": lambda c, m, f, a: v2(c, m, encoded(f), len(f).to_bytes(4, "little") + f),
    "v2 bytes alone": lambda c, m, f, a: v2_bytes(c, m, a.tobytes()),
    "v2 classification": lambda c, m, f, a: classified_by_v2(c, m, tensor(a, data=a.ravel().tolist())),
}


@pytest.mark.parametrize("model", SHIPPED)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_picture_gets_the_same_probabilities_in_every_dialect(client: Client, dialect: str, model: str) -> None:
    file = golden(model, 1)
    pixels = np.asarray(Image.open(BytesIO(file)))
    array = pixels if pixels.ndim == 3 else pixels[:, :, None]
    classes = len(contract.read(shipped(model)).labels)
    reference = native(client, model, data=file)
    answer = DIALECTS[dialect](client, model, file, array)
    assert len(answer) == classes and answer == pytest.approx(reference, abs=1e-6)
    assert int(np.argmax(answer)) == int(np.argmax(reference))


@pytest.mark.parametrize("dialect", ["json", "v1 b64", "v1 classify", "v2 BYTES", "v2 binary BYTES"])
def test_a_photograph_goes_the_way_of_an_upload_in_every_dialect(client: Client, dialect: str) -> None:
    photo = Image.new("RGB", (100, 100), "white")
    photo.paste("black", (45, 20, 55, 80))
    answer = DIALECTS[dialect](client, "mnist", png(photo), None)
    assert answer == pytest.approx(native(client, "mnist", data=png(photo)), abs=1e-6)
