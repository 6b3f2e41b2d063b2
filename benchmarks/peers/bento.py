"""BentoML: a service with two workers; the picture is base64 in JSON."""

import base64
from typing import Any

import bentoml

from benchmarks.peers.digits import LiteRTModel


@bentoml.service(workers=2, logging={"access": {"enabled": False}})
class Digits:
    """The digits model."""

    def __init__(self) -> None:
        self.model = LiteRTModel()

    @bentoml.api
    def predict(self, image: str) -> dict[str, Any]:
        """Label and probabilities."""
        return self.model.predict(base64.b64decode(image))
