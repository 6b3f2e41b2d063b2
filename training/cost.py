"""What a network costs to serve: numbers, operations, microseconds, bytes."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from service import manifest as contract
from service.inference import engines
from service.manifest import EngineName

_WARM_UP, _CALLS = 20, 200


class Cost(NamedTuple):
    """Of one image through one core.

    `operations` counts a multiplication and an addition as two, of convolutions, dense and recurrent layers;
    `microseconds` is LiteRT's median on this machine: TensorFlow has taken all cores by the time it could be measured.
    `bytes` are those of each engine's files.
    """

    parameters: int
    operations: int
    microseconds: float
    bytes: Mapping[EngineName, int]


def measure(model: keras.Model, folder: Path, names: tuple[EngineName, ...]) -> Cost:
    """The cost of a model and of the version folder that it was exported to."""
    shape = (1, *model.input_shape[1:])
    microseconds = _microseconds(engines.load("litert", folder, threads=1), shape)
    return Cost(model.count_params(), operations(model), microseconds, {name: _bytes(folder, name) for name in names})


class LayerRow(NamedTuple):
    """One layer: its kind, what it gives `[height, width, channels]` or `[values]`, and what that takes."""

    kind: str
    output: tuple[int, ...]
    parameters: int
    operations: int


def rows(model: keras.Model) -> list[LayerRow]:
    """Every layer that computes something, in the order in which it does."""
    return [
        LayerRow(type(layer).__name__, tuple(layer.output.shape[1:]), layer.count_params(), _operations(layer))
        for layer in model.layers
        if not isinstance(layer, layers.Identity)
    ]


def operations(model: keras.Model) -> int:
    """Multiplications and additions of one forward pass of one image."""
    return sum(row.operations for row in rows(model))


def _operations(layer: layers.Layer) -> int:
    """Every weight of a kernel is used once for each place of the output that it is moved over; biases are left out."""
    return 2 * _places(layer) * sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)


def _places(layer: layers.Layer) -> int:
    """Steps of a recurrent layer, height times width of an image, 1 of values."""
    return int(layer.input.shape[1]) if isinstance(layer, layers.RNN) else math.prod(layer.output.shape[1:-1])


def _microseconds(infer: engines.Infer, shape: tuple[int, ...]) -> float:
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    times = []
    for _ in range(_WARM_UP + _CALLS):
        started = time.perf_counter()
        infer(image)
        times.append(time.perf_counter() - started)
    return round(float(np.median(times[_WARM_UP:])) * 1e6, 1)


def _bytes(folder: Path, name: EngineName) -> int:
    if name == "litert":
        return (folder / contract.LITERT_FILE).stat().st_size
    files = [folder / contract.SAVED_MODEL_FILE, *(folder / "variables").glob("*")]
    return sum(file.stat().st_size for file in files)
