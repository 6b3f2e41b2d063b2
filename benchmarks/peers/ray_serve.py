"""Ray Serve: two replicas of a deployment; a raw body, multipart or base64 in JSON."""

import base64
import signal
import sys
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

from benchmarks.peers.mnist import Classifier, litert


@serve.deployment(num_replicas=2, ray_actor_options={"num_cpus": 1}, max_ongoing_requests=64)
class Digits:
    """The digits model."""

    def __init__(self) -> None:
        self._classifier = Classifier(litert())

    async def __call__(self, request: Request) -> dict[str, Any]:
        """One answer a file."""
        return {"predictions": self._classifier.predict(await _files(request))}


async def _files(request: Request) -> list[bytes]:
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return [await file.read() for file in (await request.form()).getlist("image")]
    if kind == "application/json":
        return [base64.b64decode(text) for text in (await request.json())["images"]]
    return [await request.body()]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(sys.argv[1])}, logging_config={"enable_access_log": False}
    )
    serve.run(Digits.bind(), blocking=True)  # type: ignore[attr-defined]
