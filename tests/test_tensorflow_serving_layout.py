"""TensorFlow Serving can take `models/` as it is: what its loader looks for, and what it then runs, is there.

Its server is no Python package, so the loader that it is built on is called here: a session, the tag and the names of
the tensors, and nothing of the objects that TensorFlow 2 adds.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service import manifest as contract
from service.manifest import INPUT_NAME, LOGITS_NAME, PROBABILITIES_NAME
from tests.conftest import MODELS, SHIPPED

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

VERSIONS = sorted(folder for name in SHIPPED for folder in (MODELS / name).iterdir() if folder.is_dir())


def named(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def graph_of(folder: Path) -> Any:
    """The one graph in the file, as TensorFlow's own parser reads it."""
    from tensorflow.core.protobuf import saved_model_pb2

    found = saved_model_pb2.SavedModel()
    found.ParseFromString((folder / "saved_model.pb").read_bytes())
    (graph,) = found.meta_graphs
    return graph


def shape(tensor: Any) -> list[int]:
    return [dimension.size for dimension in tensor.tensor_shape.dim]


@pytest.mark.parametrize("folder", VERSIONS, ids=named)
def test_graph_and_variables_lie_where_the_loader_looks(folder: Path) -> None:
    assert (folder / "saved_model.pb").is_file() and (folder / "variables" / "variables.index").is_file()
    assert list((folder / "variables").glob("variables.data-?????-of-?????"))


@pytest.mark.parametrize("folder", VERSIONS, ids=named)
def test_the_signature_takes_bytes_and_gives_probabilities_and_logits(folder: Path) -> None:
    manifest, graph = contract.read(folder), graph_of(folder)
    signature = graph.signature_def["serving_default"]
    # By the method's name it decides which of its interfaces may ask.
    assert list(graph.meta_info_def.tags) == ["serve"] and signature.method_name == "tensorflow/serving/predict"
    image = signature.inputs[INPUT_NAME]
    assert list(signature.inputs) == [INPUT_NAME]
    assert image.dtype == tf.uint8.as_datatype_enum and shape(image) == [-1, *manifest.input.shape]
    assert sorted(signature.outputs) == sorted([PROBABILITIES_NAME, LOGITS_NAME])
    for output in signature.outputs.values():
        assert output.dtype == tf.float32.as_datatype_enum and shape(output) == [-1, len(manifest.labels)]


@pytest.mark.parametrize("folder", VERSIONS, ids=named)
def test_a_session_over_the_tag_answers_the_golden_pictures_as_stated(folder: Path) -> None:
    manifest = contract.read(folder)
    files = [Image.open(folder / picture.file) for picture in manifest.golden]
    images = np.stack([np.asarray(file).reshape(manifest.input.shape) for file in files])
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
        signature = loaded.signature_def["serving_default"]
        given = {signature.inputs[INPUT_NAME].name: images}
        answered = session.run(signature.outputs[PROBABILITIES_NAME].name, given)
    stated = np.array([picture.probabilities["tensorflow"] for picture in manifest.golden])
    assert len(stated) and np.abs(answered - stated).max() <= manifest.golden_tolerance
