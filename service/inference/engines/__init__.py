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


class _Engine(NamedTuple):
    """What an engine reads, which library it needs, and how that is installed; `module` is its file here."""

    file: str
    library: str
    install: str
    module: str


_ENGINES: dict[EngineName, _Engine] = {
    "litert": _Engine(LITERT_FILE, "ai_edge_litert", "pip install -r requirements/service.txt", "litert"),
    "tensorflow": _Engine(SAVED_MODEL_FILE, "tensorflow", "pip install -r requirements/tensorflow.txt", "savedmodel"),
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
    needs = _ENGINES[engine]
    if needs.file not in manifest.files:
        raise ModelFault(f"{folder}: has no {needs.file}, which the engine {engine} needs")
    if not installed(engine):
        raise ModelFault(f"{folder}: needs the engine {engine}, which is not installed: {needs.install}")
    return engine


def fitting(manifest: Manifest) -> list[EngineName]:
    """The engines that a version has the file for."""
    return [name for name, engine in _ENGINES.items() if engine.file in manifest.files]


def installed(engine: EngineName) -> bool:
    """Whether this installation has the engine's library."""
    return importlib.util.find_spec(_ENGINES[engine].library) is not None


def load(engine: EngineName, folder: Path, threads: int) -> Infer:
    """Loads a version folder into an engine that lets `threads` calls compute at once, one core each."""
    infer: Infer = importlib.import_module(f"{__name__}.{_ENGINES[engine].module}").load(folder, threads)
    return infer
