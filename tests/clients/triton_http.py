"""`triton_http.py URL` with a task on standard input: what tritonclient.http gets, as one JSON object."""

import base64
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

MODEL = "mnist"


def main() -> None:
    """Asks for everything once."""
    task = json.load(sys.stdin)
    client = InferenceServerClient(sys.argv[1].removeprefix("http://"))
    told = described(client, task["version"])
    got = inferred(client, np.array(task["pixels"], np.uint8), task["version"])
    got["file"] = of_file(client, base64.b64decode(task["file"]))
    print(json.dumps({"told": told, "probabilities": got, "errors": refused(client)}))


def described(client: InferenceServerClient, version: str) -> dict[str, Any]:
    """What is told of server and model."""
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model ready": client.is_model_ready(MODEL),
        "version ready": client.is_model_ready(MODEL, version),
        "unknown ready": client.is_model_ready("nope"),
        "server": client.get_server_metadata(),
        "model": client.get_model_metadata(MODEL),
        "version": client.get_model_metadata(MODEL, version),
        "config": client.get_model_config(MODEL),
        "config of a version": client.get_model_config(MODEL, version),
        "index": client.get_model_repository_index(),
    }


def inferred(client: InferenceServerClient, pixels: np.ndarray, version: str) -> dict[str, Any]:
    """The first picture's probabilities, however the batch is sent and answered."""

    def ask(binary_in: bool = True, binary_out: bool | None = None, **more: Any) -> list[float]:
        image = InferInput("image", list(pixels.shape), "UINT8")
        image.set_data_from_numpy(pixels, binary_data=binary_in)
        wanted = [] if binary_out is None else [InferRequestedOutput("probabilities", binary_data=binary_out)]
        answer = client.infer(MODEL, [image], outputs=wanted, request_id="mine", **more)
        assert answer.get_response()["id"] == "mine" and answer.get_response()["model_version"] == version
        return list(answer.as_numpy("probabilities")[0].astype(float))

    classes = InferInput("image", list(pixels.shape), "UINT8")
    classes.set_data_from_numpy(pixels)
    answer = client.infer(MODEL, [classes], outputs=[InferRequestedOutput("probabilities", class_count=10)])
    rows = [text.decode().split(":", 2) for text in answer.as_numpy("probabilities")[0]]
    by_index = sorted((int(index), float(value)) for value, index, _ in rows)
    return {
        "binary": ask(),
        "json": ask(binary_in=False, binary_out=False),
        "json in, binary out": ask(binary_in=False, binary_out=True),
        "binary in, json out": ask(binary_out=False),
        "of a version": ask(model_version=version),
        "in time": ask(timeout=20_000_000),
        "gzip": ask(request_compression_algorithm="gzip", response_compression_algorithm="gzip"),
        "gzip json": ask(False, False, request_compression_algorithm="gzip", response_compression_algorithm="gzip"),
        "classification": [value for _, value in by_index],
    }


def of_file(client: InferenceServerClient, file: bytes) -> list[float]:
    """The probabilities of an encoded image file."""
    image = InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([file], object))
    return list(client.infer(MODEL, [image]).as_numpy("probabilities")[0].astype(float))


def refused(client: InferenceServerClient) -> dict[str, list[str | None]]:
    """Status and sentence of what must not work."""
    wrong = InferInput("image", [1, 2], "FP32")
    wrong.set_data_from_numpy(np.zeros((1, 2), np.float32))
    asked: dict[str, Callable[[], object]] = {
        "datatype": lambda: client.infer(MODEL, [wrong]),
        "model": lambda: client.get_model_metadata("nope"),
    }
    errors = {}
    for name, ask in asked.items():
        try:
            ask()
        except InferenceServerException as error:
            errors[name] = [error.status(), error.message()]
    return errors


main()
