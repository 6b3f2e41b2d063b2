"""What a network costs to serve: parameters, operations, microseconds, bytes."""

import math
import time
from collections.abc import Mapping, Sequence
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


def measure(model: keras.Model, folder: Path, names: Sequence[EngineName]) -> Cost:
    """The cost of a model and of the version folder that it was exported to."""
    microseconds = _microseconds(engines.load("litert", folder, threads=1), model.input_shape[1:])
    return Cost(model.count_params(), operations(model), microseconds, {name: _bytes(folder, name) for name in names})


def operations(model: keras.Model) -> int:
    """Multiplications and additions of one forward pass of one image; those of biases are left out."""
    return sum(2 * _places(layer) * _kernel_size(layer) for layer in model.layers)


def _kernel_size(layer: layers.Layer) -> int:
    return sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)


def _places(layer: layers.Layer) -> int:
    """How often a layer uses each weight: steps of a recurrent layer, height times width of an image, 1 of values."""
    return int(layer.input.shape[1]) if isinstance(layer, layers.RNN) else math.prod(layer.output.shape[1:-1])


def _microseconds(infer: engines.Infer, shape: tuple[int, ...]) -> float:
    image = np.random.default_rng(1).integers(0, 256, (1, *shape), dtype=np.uint8)
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
