"""Plain Pillow and LiteRT around the digits model, shared by the peers."""

import io
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

MODEL_DIR = max(Path("models/mnist").iterdir(), key=lambda version: int(version.name))


def to_array(file: bytes) -> NDArray[np.uint8]:
    """The picture as the model's input, `[1, 28, 28, 1]`."""
    image = Image.open(io.BytesIO(file)).convert("L").resize((28, 28))
    return np.asarray(image)[None, :, :, None]


def to_answer(probabilities: NDArray[np.float32]) -> dict[str, Any]:
    """Label and probabilities of one picture, ready for JSON."""
    return {"label": str(probabilities.argmax()), "probabilities": probabilities.tolist()}


class LiteRTModel:
    """One interpreter, which threads use in turn."""

    def __init__(self) -> None:
        interpreter = Interpreter(str(MODEL_DIR / "model.tflite"), num_threads=1)
        self._lock, self._run = Lock(), interpreter.get_signature_runner("serving_default")
        (self._input,) = self._run.get_input_details()

    def predict(self, file: bytes) -> dict[str, Any]:
        """The answer for one file."""
        image = to_array(file)
        with self._lock:
            outputs = self._run(**{self._input: image})
        return to_answer(outputs["probabilities"][0])
