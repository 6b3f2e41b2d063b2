"""`model.tflite` through LiteRT: small, quick to start, no TensorFlow."""

from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from service.inference.engines import Infer, Output
from service.manifest import LITERT_FILE, LOGITS_NAME, PROBABILITIES_NAME, SIGNATURE


class _Model:
    """One interpreter with its tensors found; for one thread at a time."""

    def __init__(self, content: bytes) -> None:
        self._interpreter = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        runner = self._interpreter.get_signature_runner(SIGNATURE)
        (self._image,) = (detail["index"] for detail in runner.get_input_details().values())
        outputs: dict[str, Any] = runner.get_output_details()
        self._probabilities, self._logits = outputs[PROBABILITIES_NAME]["index"], outputs[LOGITS_NAME]["index"]

    def answer(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Probabilities and logits `[1, classes]` of one image `[1, H, W, C]`."""
        self._interpreter.set_tensor(self._image, image)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._probabilities), self._interpreter.get_tensor(self._logits)


def load(folder: Path, threads: int) -> Infer:
    """An engine with as many interpreters as threads may compute; a further thread waits for one."""
    content = (folder / LITERT_FILE).read_bytes()
    idle: SimpleQueue[_Model] = SimpleQueue()
    for _ in range(threads):
        idle.put(_Model(content))

    def infer(images: NDArray[np.uint8]) -> Output:
        # One by one: the cost per image does not fall with the batch, and an answer cannot depend on its neighbours.
        model = idle.get()
        try:
            answers = [model.answer(images[index : index + 1]) for index in range(len(images))]
        finally:
            idle.put(model)
        if len(answers) == 1:
            return Output(*answers[0])
        probabilities, logits = (np.concatenate(parts) for parts in zip(*answers, strict=True))
        return Output(probabilities, logits)

    return infer
