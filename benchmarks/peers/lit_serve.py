"""LitServe: two workers, its fast queue, two HTTP processes."""

import base64
import sys
from typing import Any

import litserve
from fastapi import Request

from benchmarks.peers.mnist import Classifier, litert


class Digits(litserve.LitAPI):
    """JSON with files in base64, or multipart."""

    def setup(self, device: str) -> None:
        """Loads the model, in each worker."""
        self._classifier = Classifier(litert())

    def decode_request(self, request: Request) -> list[bytes]:
        """The files of a request; by its type LitServe chooses what it hands over, which is a dictionary or a form."""
        if "images" in request:
            return [base64.b64decode(text) for text in request["images"]]
        return [file.file.read() for file in request.getlist("image")]

    def predict(self, x: list[bytes]) -> list[dict[str, Any]]:
        """One answer a file."""
        return self._classifier.predict(x)

    def encode_response(self, output: list[dict[str, Any]]) -> dict[str, Any]:
        """The answers as JSON."""
        return {"predictions": output}


if __name__ == "__main__":
    server = litserve.LitServer(Digits(), accelerator="cpu", workers_per_device=2, fast_queue=True)
    server.run("127.0.0.1", int(sys.argv[1]), num_api_servers=2, log_level="warning", generate_client_file=False)
