"""What an export states of its training images, and which LiteRT file it ships."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from service import manifest as contract
from training import evaluate, saved_model, version_folder
from training.calibrate import Scaling
from training.dataset import Split
from training.run import RunFault
from training.saved_model import Graph


def pictures(drawings: int, things: int) -> np.ndarray:
    """Lines on white, and noise, grey in 28×28."""
    strokes = np.full((drawings, 28, 28, 1), 255, np.uint8)
    strokes[:, 5:23, 12:15] = 0
    return np.concatenate([strokes, np.random.default_rng(1).integers(0, 256, (things, 28, 28, 1), dtype=np.uint8)])


@pytest.mark.parametrize(
    ("drawings", "things", "told"), [(100, 0, True), (5, 95, True), (1, 99, False), (0, 100, False)]
)
def test_drawings_are_expected_where_more_than_a_few_were_trained_on(drawings: int, things: int, told: bool) -> None:
    assert version_folder.has_drawings(pictures(drawings, things)) is told


def exported(folder: Path, spoilt: bool) -> Path:
    """A SavedModel that names the brightest quarter of an image; int8 loses its weights if they are to be spoilt.

    A filter's step is a 127th of its largest weight, here that of a pixel which is black in every image.
    """
    kernel = np.zeros((28, 28, 4), np.float32)
    for label in range(4):
        top, left = 14 * (label // 2), 14 * (label % 2)
        kernel[top : top + 14, left : left + 14, label] = 0.01
    kernel[0, 0] = 100 if spoilt else 0
    weights = tf.Variable(kernel.reshape(784, 4))
    graph = Graph(lambda image: tf.reshape(tf.cast(image, tf.float32), (-1, 784)) @ weights, (28, 28, 1), [weights])
    folder.mkdir()
    saved_model.write(graph, Scaling(), folder)
    return folder


def quarters(count: int) -> Split:
    images = np.random.default_rng(count).integers(0, 100, (count, 28, 28, 1), dtype=np.uint8)
    labels = (np.arange(count) % 4).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = 14 * (label // 2), 14 * (label % 2)
        image[top : top + 14, left : left + 14] += 100
    images[:, 0, 0] = 0
    return Split(images, labels)


@pytest.mark.parametrize(("spoilt", "weights"), [(False, "int8"), (True, "float32")])
def test_an_int8_file_that_disagrees_on_the_held_out_images_ships_as_float32(
    tmp_path: Path, spoilt: bool, weights: str
) -> None:
    folder, held_out = exported(tmp_path / "version", spoilt), quarters(200)
    assert version_folder.add_litert(folder, held_out, quarters(40)) == weights
    one, truth = (evaluate.measure(folder, engine, quarters(100)) for engine in version_folder.BOTH)
    assert one.accuracy == truth.accuracy == 1 and evaluate.agreement(one.output, truth.output) == 1
    (folder / contract.LITERT_FILE).write_bytes(saved_model.convert(folder, "int8"))
    int8 = evaluate.measure(folder, "litert", quarters(100))
    assert evaluate.agreement(int8.output, truth.output) == (1 if weights == "int8" else 0.25)


def test_too_few_held_out_images_to_judge_int8_ship_as_float32(tmp_path: Path) -> None:
    assert (
        version_folder.add_litert(exported(tmp_path / "version", spoilt=False), quarters(8), quarters(40)) == "float32"
    )


def test_a_litert_file_that_disagrees_in_float32_too_is_not_exported(tmp_path: Path) -> None:
    folder = tmp_path / "version"
    folder.mkdir()
    # Of another answer each time it is asked.
    graph = Graph(lambda image: tf.random.uniform((tf.shape(image)[0], 4)), (28, 28, 1), [])
    saved_model.write(graph, Scaling(), folder)
    with pytest.raises(RunFault, match="even the float32"):
        version_folder.add_litert(folder, quarters(200), quarters(40))
