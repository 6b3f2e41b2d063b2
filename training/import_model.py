"""A model trained elsewhere, a `.keras` file or a SavedModel, becomes a version that the unchanged service serves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from service import manifest as contract
from service.errors import Fault
from service.inference import engines, operations
from service.manifest import EngineFacts, EngineName
from training import atomic, card, dataset, evaluate, saved_model, version_folder
from training.calibrate import Scaling, calibrate
from training.dataset import DataSet, Split, UInt8
from training.own_data import Evidence, Pixels
from training.saved_model import Graph

_SIGNATURE = "serving_default"
_MIN_PROBABILITY = 1e-12
# The largest difference between two engines that is put down to rounding, for a model that nobody measured.
_TOLERANCE = 0.01
_BATCH = 256
_ORIGIN = "Trained elsewhere and imported from"


class NotImported(Fault):
    """A model trained elsewhere cannot be served; the sentence says why and what to do."""

    code = "not_imported"


@dataclass(frozen=True, kw_only=True)
class ImportedModel:
    """What somebody says of a model; `pixels` is the range it was trained on, which a uint8 input makes moot."""

    source: Path
    name: str
    labels: tuple[str, ...]
    kind: str
    pixels: Pixels


def import_model(model: ImportedModel, evidence: Evidence | None, home: Path) -> Path:
    """Writes `home/<name>/1`; with labelled images calibrated and measured, else without these facts.

    Half of the evidence chooses and calibrates, the other half measures: of its test images where its owner set some
    apart, of all where not. Raises NotImported.
    """
    graph = load(model.source, model.pixels, len(model.labels))
    if evidence:
        _check_evidence(model, evidence, graph.shape)
    version = home / model.name / "1"
    with atomic.exclusive(version.parent), atomic.new_folder(version) as folder:
        names = version_folder.BOTH if _converts(graph, folder) else version_folder.BOTH[1:]
        if evidence:
            _write_measured(folder, graph, model, evidence, names)
        else:
            _write_unmeasured(folder, graph, model, names)
    return version


def check_is_model(path: Path) -> None:
    """Raises NotImported unless there is a `.keras` file or the folder of a SavedModel."""
    if path.suffix != ".keras" and not (path / "saved_model.pb").is_file():
        raise NotImported(f"{path} is not a run, nor a .keras file, nor the folder of a SavedModel")


def image_shape(path: Path) -> tuple[int, int, int]:
    """Height, width and channels of the images that the model at `path` takes; raises NotImported."""
    return _image_shape(_loaded(path).input.shape)


def load(path: Path, pixels: Pixels, classes: int) -> Graph:
    """The model at `path`, taking pixels of the range it was trained on; raises NotImported.

    A model that takes uint8 gets the pixels as they are. One that answers probabilities is served by their logarithms.
    """
    loaded = _loaded(path)
    shape = _image_shape(loaded.input.shape)
    call = _on_pixels(loaded, pixels)
    try:
        answers = call(np.random.default_rng(1).integers(0, 256, (8, *shape), dtype=np.uint8))
    except Exception as error:  # a model of another kind fails in its own way, such as one for batches of 1
        raise NotImported(f"{path} does not answer 8 pictures of {shape}: {error}") from error
    if not isinstance(answers, tf.Tensor | np.ndarray) or answers.shape != (8, classes):
        found = getattr(answers, "shape", type(answers).__name__)
        raise NotImported(f"{path} answers {found} for 8 pictures, where {classes} labels need [8, {classes}]")
    if not _are_probabilities(np.asarray(answers)):
        return Graph(call, shape, loaded.tracked)
    return Graph(lambda image: tf.math.log(tf.maximum(call(image), _MIN_PROBABILITY)), shape, loaded.tracked)


class _Loaded(NamedTuple):
    """A callable on the model's own input, that input, and what owns the weights."""

    call: Callable[[tf.Tensor], Any]
    input: tf.TensorSpec
    tracked: Sequence[Any]


def _loaded(path: Path) -> _Loaded:
    return _from_keras(path) if path.suffix == ".keras" else _from_saved_model(path)


def _from_keras(path: Path) -> _Loaded:
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras' reader raises whatever its parts raise
        raise NotImported(f"{path} cannot be loaded without running code of its own: {error}") from error
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise NotImported(
            f"{path} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; one of each is needed"
        )
    (image,) = model.inputs
    # Its variables one by one: LiteRT's converter does not freeze those of a Keras model that is tracked as a whole.
    variables = [variable.value for variable in model.variables]
    return _Loaded(lambda x: model(x, training=False), tf.TensorSpec(image.shape, image.dtype), variables)


def _from_saved_model(path: Path) -> _Loaded:
    check_is_model(path)
    if found := operations.refused(path):
        raise NotImported(
            f"{path} holds operations that a classifier does not need and may not have: {', '.join(found)}; give the "
            ".keras file, or export the model without the layers that bring them, such as data augmentation"
        )
    try:
        model = tf.saved_model.load(str(path))
        signature = model.signatures[_SIGNATURE]
    except Exception as error:  # TensorFlow's loader raises whatever its parts raise
        raise NotImported(f"{path} cannot be loaded with a signature {_SIGNATURE}: {error}") from error
    inputs = signature.structured_input_signature[1]
    if len(inputs) != 1:
        raise NotImported(f"{path} takes {len(inputs)} inputs; one is needed")
    ((name, image),) = inputs.items()
    answer = _answer(path, sorted(signature.structured_outputs))
    return _Loaded(lambda x: signature(**{name: x})[answer], image, [model])


def _answer(path: Path, outputs: Sequence[str]) -> str:
    """The name of the output that holds one number a class."""
    for name in ("logits", "probabilities"):
        if name in outputs:
            return name
    if len(outputs) != 1:
        raise NotImported(
            f"{path} gives {len(outputs)} outputs ({', '.join(outputs) or 'none'}); the one to serve must be called "
            "logits or probabilities, or be the only one"
        )
    return outputs[0]


def _image_shape(found: tf.TensorShape) -> tuple[int, int, int]:
    """Height, width, channels of a model's input `[N, H, W]` or `[N, H, W, C]`."""
    stated: list[int | None] = found.as_list() if found.rank else []
    shape = [*stated[1:], 1] if len(stated) == 3 else stated[1:]
    if len(shape) != 3 or None in shape or shape[2] not in (1, 3):
        raise NotImported(f"the model takes {stated}; images of a fixed size are needed: [N, height, width, 1 or 3]")
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


def _are_probabilities(answers: NDArray[np.float32]) -> bool:
    return bool((answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=1e-3))


def _converts(graph: Graph, folder: Path) -> bool:
    """Whether LiteRT can take the graph and answers noise as TensorFlow does; leaves the SavedModel, and that file."""
    saved_model.write(graph, Scaling(), folder)
    images = np.random.default_rng(1).integers(0, 256, (16, *graph.shape), dtype=np.uint8)
    try:
        (folder / contract.LITERT_FILE).write_bytes(saved_model.convert(folder, "float32"))
        here, truth = (engines.load(name, folder, threads=1)(images).probabilities for name in version_folder.BOTH)
        agrees = bool(np.abs(here - truth).max() <= _TOLERANCE)  # False for NaN
    except Exception:  # an operation that LiteRT does not know is told in many ways; TensorFlow serves it all the same
        agrees = False
    if not agrees:
        (folder / contract.LITERT_FILE).unlink(missing_ok=True)
    return agrees


def _check_evidence(model: ImportedModel, evidence: Evidence, shape: tuple[int, int, int]) -> None:
    labels = evidence.data_set.labels
    if labels != model.labels:
        raise NotImported(f"the images are of {', '.join(labels)}, the labels {', '.join(model.labels)}")
    found = evidence.splits.test.images.shape[1:]
    if found != shape:
        raise NotImported(
            f"the model takes images of {shape}, these are {found}: without --size and --grey a folder is read as the "
            "model takes it; arrays must have that shape already"
        )
    dataset.check(evidence.data_set, evidence.splits)


def _halves(evidence: Evidence) -> tuple[Split, Split]:
    """The evidence's images, every other one of each class, so that both halves hold all classes."""
    train, test = evidence.splits
    images = test if evidence.has_test_split else dataset.joined(train, test)
    order = np.argsort(images.labels, kind="stable")
    first, second = (Split(*(array[order[start::2]] for array in images)) for start in (0, 1))
    return first, second


def _write_measured(
    folder: Path, graph: Graph, model: ImportedModel, evidence: Evidence, names: tuple[EngineName, ...]
) -> None:
    """Writes the version with the temperature inside, so the SavedModel of `_converts` anew."""
    held_out, test = _halves(evidence)
    described = version_folder.Export(
        name=model.name,
        description=f"{_ORIGIN} {model.source.name}; how it was trained is not known here.",
        data_set=evidence.data_set,
        held_out=held_out,
        test=test,
        others=held_out,
        calibration=calibrate(_logits(graph, held_out.images), held_out.labels),
    )
    version_folder.write(folder, graph, described, names)


def _logits(graph: Graph, images: UInt8) -> NDArray[np.float32]:
    batches = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
    return np.concatenate([np.asarray(graph.logits(tf.constant(batch))) for batch in batches])


def _write_unmeasured(folder: Path, graph: Graph, model: ImportedModel, names: tuple[EngineName, ...]) -> None:
    """Writes the version with golden pictures of noise within a black border, which every kind passes as they are."""
    spec = dataset.input_spec(graph.shape)
    data_set = DataSet(name="", title="", labels=model.labels, kind=model.kind, input=spec, licence="", citation="")
    images = np.zeros((2, *graph.shape), np.uint8)
    inner = images[:, 3:-3, 3:-3]
    inner[:] = np.random.default_rng(1).integers(0, 256, inner.shape)
    noise = Split(images, np.arange(2, dtype=np.uint8))
    answers = {name: evaluate.measure(folder, name, noise) for name in names}
    golden = version_folder.write_golden(folder, data_set, noise, answers)
    facts = {name: EngineFacts(tolerance=_TOLERANCE) for name in names}
    manifest = version_folder.describe(model.name, data_set, facts, golden, None)
    card.write(folder, manifest, data_set, f"{_ORIGIN} {model.source.name}.", None, {})
    contract.write(folder, manifest)
    version_folder.check_golden(folder)
