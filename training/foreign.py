"""Models trained elsewhere: a `.keras` file or a SavedModel, as a graph from uint8 images to logits."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from service.errors import Fault
from service.inference import operations
from training.own_data import Pixels
from training.saved_model import Graph

_SIGNATURE = "serving_default"
_LEAST_CLIPPED = 1e-12


class NotAdopted(Fault):
    """A model trained elsewhere cannot be served; the sentence says why and what to do."""

    code = "not_adopted"


class _Loaded(NamedTuple):
    """A callable on the model's own input, that input, and what owns the weights."""

    call: Callable[[tf.Tensor], Any]
    input: tf.TensorSpec
    tracked: Sequence[Any]


def check_is_model(path: Path) -> None:
    """Raises NotAdopted unless there is a `.keras` file or the folder of a SavedModel."""
    if path.suffix != ".keras" and not (path / "saved_model.pb").is_file():
        raise NotAdopted(f"{path} is not a run, nor a .keras file, nor the folder of a SavedModel")


def load(path: Path, pixels: Pixels, classes: int) -> Graph:
    """The model at `path`, taking pixels of the range it was trained on; raises NotAdopted.

    A model that takes uint8 gets the pixels as they are. One that answers probabilities is served by their logarithms.
    """
    loaded = _loaded(path)
    shape = _image_shape(loaded.input.shape)
    call = _on_pixels(loaded, pixels)
    try:
        answers = call(np.random.default_rng(1).integers(0, 256, (8, *shape), dtype=np.uint8))
    except Exception as error:  # a model of another kind fails in its own way, such as one for batches of 1
        raise NotAdopted(f"{path} does not answer 8 pictures of {shape}: {error}") from error
    if not isinstance(answers, tf.Tensor | np.ndarray) or answers.shape != (8, classes):
        found = getattr(answers, "shape", type(answers).__name__)
        raise NotAdopted(f"{path} answers {found} for 8 pictures, where {classes} labels need [8, {classes}]")
    if not _are_probabilities(np.asarray(answers)):
        return Graph(call, shape, loaded.tracked)
    return Graph(lambda image: tf.math.log(tf.maximum(call(image), _LEAST_CLIPPED)), shape, loaded.tracked)


def image_shape(path: Path) -> tuple[int, int, int]:
    """Height, width and channels of the images that the model at `path` takes; raises NotAdopted."""
    return _image_shape(_loaded(path).input.shape)


def _loaded(path: Path) -> _Loaded:
    return _from_keras(path) if path.suffix == ".keras" else _from_saved_model(path)


def _from_keras(path: Path) -> _Loaded:
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras' reader raises whatever its parts raise
        raise NotAdopted(f"{path} cannot be loaded without running code of its own: {error}") from error
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise NotAdopted(
            f"{path} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; one of each is needed"
        )
    (image,) = model.inputs
    # Its variables one by one: LiteRT's converter does not freeze those of a Keras model that is tracked as a whole.
    variables = [variable.value for variable in model.variables]
    return _Loaded(lambda x: model(x, training=False), tf.TensorSpec(image.shape, image.dtype), variables)


def _from_saved_model(path: Path) -> _Loaded:
    check_is_model(path)
    if found := operations.refused(path):
        raise NotAdopted(
            f"{path} holds operations that a classifier does not need and may not have: {', '.join(found)}"
        )
    try:
        model = tf.saved_model.load(str(path))
        signature = model.signatures[_SIGNATURE]
    except Exception as error:  # TensorFlow's loader raises whatever its parts raise
        raise NotAdopted(f"{path} cannot be loaded with a signature {_SIGNATURE}: {error}") from error
    inputs = signature.structured_input_signature[1]
    outputs = signature.structured_outputs
    if len(inputs) != 1 or not outputs:
        raise NotAdopted(f"{path} takes {len(inputs)} inputs and gives {len(outputs)} outputs; one input is needed")
    ((name, image),) = inputs.items()
    answer = next((key for key in ("logits", "probabilities") if key in outputs), min(outputs))
    return _Loaded(lambda x: signature(**{name: x})[answer], image, [model])


def _image_shape(found: tf.TensorShape) -> tuple[int, int, int]:
    """Height, width, channels of a model's input `[N, H, W]` or `[N, H, W, C]`."""
    stated: list[int | None] = found.as_list() if found.rank else []
    shape = [*stated[1:], 1] if len(stated) == 3 else stated[1:]
    if len(shape) != 3 or None in shape or shape[2] not in (1, 3):
        raise NotAdopted(f"the model takes {stated}; images of a fixed size are needed: [N, height, width, 1 or 3]")
    return int(shape[0] or 0), int(shape[1] or 0), int(shape[2] or 0)


def _on_pixels(loaded: _Loaded, pixels: Pixels) -> Callable[[tf.Tensor], tf.Tensor]:
    own_shape = (-1, *loaded.input.shape.as_list()[1:])
    scale, offset = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (2 / 255, -1.0)}[pixels]

    def call(image: tf.Tensor) -> tf.Tensor:
        image = tf.reshape(image, own_shape)
        if loaded.input.dtype == tf.uint8:
            return loaded.call(image)
        scaled = tf.cast(image, tf.float32) * scale + offset
        return tf.cast(loaded.call(tf.cast(scaled, loaded.input.dtype)), tf.float32)

    return call


def _are_probabilities(answers: np.ndarray[Any, np.dtype[np.float32]]) -> bool:
    return bool((answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=1e-3))
