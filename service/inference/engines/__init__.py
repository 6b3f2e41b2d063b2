"""One file an engine, each with a function `load`; which one a version gets is decided here."""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelFault
from service.manifest import LITERT_FILE, SAVED_MODEL_FILE, EngineName, Manifest

_FILES: dict[EngineName, str] = {"litert": LITERT_FILE, "tensorflow": SAVED_MODEL_FILE}
_MODULES: dict[EngineName, str] = {"litert": "ai_edge_litert", "tensorflow": "tensorflow"}
_INSTALL: dict[EngineName, str] = {
    "litert": "pip install -r requirements/service.txt",
    "tensorflow": "pip install -r requirements/tensorflow.txt",
}


class Output(NamedTuple):
    """float32 `[N, classes]` each; `probabilities = softmax(logits)`, the temperature already applied."""

    probabilities: NDArray[np.float32]
    logits: NDArray[np.float32]


# uint8 `[N, height, width, channels]` → Output. Safe to call from any thread.
Infer = Callable[[NDArray[np.uint8]], Output]


def choose(folder: Path, manifest: Manifest, wanted: str) -> EngineName:
    """The engine for a version: LiteRT where it has `model.tflite`, TensorFlow where it has not or is `wanted`.

    Raises ModelFault if the version lacks the file, or this installation the library, and says what to install.
    """
    engine: EngineName = "tensorflow" if wanted == "tensorflow" else "litert"
    if wanted == "auto" and LITERT_FILE not in manifest.files:
        engine = "tensorflow"
    if _FILES[engine] not in manifest.files:
        raise ModelFault(f"{folder}: has no {_FILES[engine]}, which the engine {engine} needs")
    if not installed(engine):
        raise ModelFault(f"{folder}: needs the engine {engine}, which is not installed: {_INSTALL[engine]}")
    return engine


def fitting(manifest: Manifest) -> list[EngineName]:
    """The engines that a version has the file for."""
    return [engine for engine, file in _FILES.items() if file in manifest.files]


def installed(engine: EngineName) -> bool:
    """Whether this installation has the engine's library."""
    return importlib.util.find_spec(_MODULES[engine]) is not None


def load(engine: EngineName, folder: Path, threads: int) -> Infer:
    """Loads a version folder into an engine that lets `threads` calls compute at once, one core each."""
    infer: Infer = importlib.import_module(f"{__name__}.{_MODULE_OF[engine]}").load(folder, threads)
    return infer


_MODULE_OF: dict[EngineName, str] = {"litert": "litert", "tensorflow": "savedmodel"}
