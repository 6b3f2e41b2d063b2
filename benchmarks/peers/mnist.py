"""The shipped digits model as a peer's author would wrap it: bytes in, label and probabilities out."""

import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.images import kinds
from service.images.decode import Limits, decode
from service.inference.engines import Infer

# `plain`: Pillow as in tutorials, in place of the service's own preparation.
PREPARATION = "BENCHMARK_PREPARATION"
SHAPE = (28, 28, 1)
_LIMITS = Limits(max_bytes=16 * 2**20, max_pixels=50_000_000, max_frames=1000)


def folder() -> Path:
    """The model's highest version."""
    return max(Path("models/mnist").iterdir(), key=lambda version: int(version.name))


def litert() -> Infer:
    """The model through LiteRT, as the service loads it: one interpreter, which threads take in turn."""
    from service.inference.engines.litert import load

    return load(folder(), threads=1)


def savedmodel() -> Infer:
    """The SavedModel's `serving_default` signature, one thread an operation and two calls at once."""
    from service.inference.engines.savedmodel import load

    return load(folder(), threads=2)


class Classifier:
    """Pictures to predictions, over any way to compute."""

    def __init__(self, infer: Infer) -> None:
        self._infer = infer
        self._labels: list[str] = json.loads((folder() / "manifest.json").read_text())["labels"]
        self._prepare = _plainly if os.environ.get(PREPARATION) == "plain" else _as_the_service()

    def predict(self, files: Sequence[bytes]) -> list[dict[str, Any]]:
        """Label and probabilities of each file."""
        images = np.stack([self._prepare(file) for file in files])
        return [self._answer(row) for row in self._infer(images).probabilities]

    def _answer(self, probabilities: NDArray[np.float32]) -> dict[str, Any]:
        named = dict(zip(self._labels, probabilities.tolist(), strict=True))
        return {"label": self._labels[int(probabilities.argmax())], "probabilities": named}


def _as_the_service() -> Callable[[bytes], NDArray[np.uint8]]:
    prepare = kinds.find("digit")
    return lambda file: prepare(decode(file, _LIMITS), SHAPE).array


def _plainly(file: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(file)).convert("L").resize((28, 28)))[:, :, None]
