"""LitServe: two workers, two HTTP processes and its fast queue; the picture is base64 in JSON."""

import base64
import sys
from typing import Any

import litserve

from benchmarks.peers.digits import LiteRTModel


class Digits(litserve.LitAPI):
    """The digits model."""

    def setup(self, device: str) -> None:
        """Loads the model in each worker."""
        self.model = LiteRTModel()

    def decode_request(self, request: dict[str, str]) -> bytes:
        """The file of a request."""
        return base64.b64decode(request["image"])

    def predict(self, x: bytes) -> dict[str, Any]:
        """Label and probabilities."""
        return self.model.predict(x)

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        """The answer as it is."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Digits(), accelerator="cpu", workers_per_device=2, fast_queue=True)
    server.run("127.0.0.1", int(sys.argv[1]), num_api_servers=2, log_level="warning", generate_client_file=False)
