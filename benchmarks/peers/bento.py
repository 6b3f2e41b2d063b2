"""BentoML: a service with two workers; JSON with files in base64, or multipart."""

import base64
from pathlib import Path
from typing import Annotated, Any

import bentoml
from bentoml.validators import ContentType

from benchmarks.peers.mnist import Classifier, litert


@bentoml.service(workers=2, logging={"access": {"enabled": False}})
class Digits:
    """The digits model."""

    def __init__(self) -> None:
        self._classifier = Classifier(litert())

    @bentoml.api
    def predict(self, images: list[str]) -> dict[str, Any]:
        """Files in base64."""
        return {"predictions": self._classifier.predict([base64.b64decode(text) for text in images])}

    @bentoml.api
    def upload(self, image: list[Annotated[Path, ContentType("application/octet-stream")]]) -> dict[str, Any]:
        """Files as multipart, which BentoML puts on the disk."""
        return {"predictions": self._classifier.predict([path.read_bytes() for path in image])}
