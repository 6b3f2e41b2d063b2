"""What a SavedModel may do is read from its bytes, as TensorFlow would read them, and judged before it is loaded."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service import manifest as contract
from service.errors import ModelFault
from service.inference import classifier, folders, operations
from tests.conftest import SHIPPED, shipped

Proto = Any  # TensorFlow's messages carry no types


def parsed(folder: Path) -> Proto:
    """The SavedModel as TensorFlow's own parser reads it."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    from tensorflow.core.protobuf import saved_model_pb2

    found = saved_model_pb2.SavedModel()
    found.ParseFromString((folder / "saved_model.pb").read_bytes())
    return found


def changed(folder: Path, change: Callable[[Proto], None]) -> Path:
    """The folder after a change to its SavedModel that its manifest vouches for."""
    found = parsed(folder)
    change(found)
    (folder / "saved_model.pb").write_bytes(found.SerializeToString())
    contract.write(folder, contract.read(folder))
    return folder


@pytest.fixture
def folder(models_dir: Path) -> Path:
    return models_dir / "mnist" / "1"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_are_read_as_tensorflow_reads_them(name: str) -> None:
    (graph,) = parsed(shipped(name)).meta_graphs
    saver = {graph.saver_def.save_tensor_name.split(":")[0], graph.saver_def.restore_op_name}
    functions = {function.signature.name: function.node_def for function in graph.graph_def.library.function}
    nodes = [node for node in graph.graph_def.node if node.name not in saver]
    # TensorFlow calls its saver's functions so, and nobody calls them.
    bodies = [body for name, body in functions.items() if not re.search("_traced_(save|restore)_", name)]
    everything = {node.op for node in [*nodes, *(node for body in bodies for node in body)]} - functions.keys()
    assert len(bodies) == len(functions) - 2
    assert operations.operations(shipped(name)) == everything
    assert operations.refused(shipped(name)) == []


def evil_in_the_graph(model: Proto) -> None:
    model.meta_graphs[0].graph_def.node.add(name="evil", op="PyFunc")


def evil_in_the_signature(model: Proto) -> None:
    graph = model.meta_graphs[0]
    called = next(iter(graph.object_graph_def.concrete_functions))
    body = next(one for one in graph.graph_def.library.function if one.signature.name == called)
    body.node_def.add(name="evil", op="PyFunc")


def added(model: Proto, name: str) -> Proto:
    """A function of that name that runs Python."""
    function = model.meta_graphs[0].graph_def.library.function.add()
    function.signature.name = name
    function.node_def.add(name="evil", op="PyFunc")
    return function


def evil_behind_an_attribute(model: Proto) -> None:
    added(model, "hidden")
    node = model.meta_graphs[0].graph_def.node.add(name="harmless", op="Identity")
    node.attr["f"].func.name = "also_harmless"
    node.attr["f"].func.attr["g"].list.func.add(name="hidden")


def evil_in_place_of_another_function(model: Proto) -> None:
    added(model, "hidden").attr["api_implements"].s = b"lstm"


def evil_in_an_object(model: Proto) -> None:
    added(model, "hidden")
    node = model.meta_graphs[0].object_graph_def.nodes.add()
    node.bare_concrete_function.concrete_function_name = "hidden"


def evil_as_a_function_called_like_an_operation(model: Proto) -> None:
    model.meta_graphs[0].graph_def.library.function.add().signature.name = "PyFunc"
    evil_in_the_graph(model)


def evil_as_the_saver_of_tensorflow_1(model: Proto) -> None:
    graph = model.meta_graphs[0]
    graph.graph_def.node.add(name="evil", op="PyFunc")
    graph.saver_def.restore_op_name = "evil"
    graph.ClearField("object_graph_def")


def evil_in_a_second_graph(model: Proto) -> None:
    model.meta_graphs.add().CopyFrom(model.meta_graphs[0])
    graph = model.meta_graphs[1]
    graph.graph_def.node.add(name="evil", op="PyFunc")
    graph.saver_def.restore_op_name = "evil"


@pytest.mark.parametrize(
    "evil",
    [
        evil_in_the_graph,
        evil_in_the_signature,
        evil_behind_an_attribute,
        evil_in_place_of_another_function,
        evil_in_an_object,
        evil_as_a_function_called_like_an_operation,
        evil_as_the_saver_of_tensorflow_1,
        evil_in_a_second_graph,
    ],
)
def test_an_operation_that_reaches_out_is_refused_by_name_wherever_it_hides(
    folder: Path, evil: Callable[[Proto], None]
) -> None:
    changed(folder, evil)
    assert "PyFunc" in operations.refused(folder)
    # LiteRT alone would serve this folder; it is refused all the same.
    with pytest.raises(ModelFault, match=r"mnist/1/saved_model\.pb: holds operations .*PyFunc"):
        folders.examine(folder, "litert")


def test_what_nobody_calls_is_not_refused(folder: Path) -> None:
    changed(folder, lambda model: added(model, "never_called") and None)
    assert operations.refused(folder) == []


@pytest.mark.parametrize("content", [b"\x12", b"\x12\x05ab", b"\x13", b"\xff" * 20, b"\x09abc", b"no model at all"])
def test_what_is_no_saved_model_is_a_fault_and_no_crash(folder: Path, content: bytes) -> None:
    (folder / "saved_model.pb").write_bytes(content)
    with pytest.raises(ModelFault, match=r"saved_model\.pb: is no SavedModel"):
        operations.refused(folder)


def test_a_saved_model_nested_too_deep_is_a_fault_and_no_crash(folder: Path) -> None:
    def wrapped(field: int, content: bytes) -> bytes:
        size = len(content)
        digits = [(size >> shift) & 0x7F for shift in range(0, 63, 7) if size >> shift or not shift]
        return bytes([field << 3 | 2, *(digit | 0x80 for digit in digits[:-1]), digits[-1]]) + content

    deep = b""
    for _ in range(2 * sys.getrecursionlimit()):
        # A function in an attribute of a function in an attribute …
        deep = wrapped(2, wrapped(10, wrapped(2, deep)))
    (folder / "saved_model.pb").write_bytes(wrapped(2, wrapped(2, wrapped(1, wrapped(5, deep)))))
    with pytest.raises(ModelFault, match="is no SavedModel"):
        operations.refused(folder)


@pytest.mark.parametrize(("name", "flex", "told"), [("Sinh", True, "FlexSinh"), ("Erfinv", False, "Erfinv")])
def test_litert_refuses_operations_that_are_not_its_own(folder: Path, name: str, flex: bool, told: str) -> None:
    """One that it would hand to TensorFlow, and one that some library would have to bring."""
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

    def serve(image: Proto) -> dict[str, Proto]:
        logits = getattr(tf.raw_ops, name)(x=tf.cast(tf.reshape(image, (-1, 784))[:, :10], tf.float32) / 300)
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

    module = tf.Module()
    module.serve = tf.function(serve, input_signature=[tf.TensorSpec((None, 28, 28, 1), tf.uint8, name="image")])
    source = folder.parent / "drafts"
    tf.saved_model.save(module, str(source), signatures={"serving_default": module.serve})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(source))
    builtin, tensorflow = tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS
    converter.target_spec.supported_ops = [builtin, tensorflow] if flex else [builtin]
    converter.allow_custom_ops = not flex
    (folder / "model.tflite").write_bytes(converter.convert())
    contract.write(folder, contract.read(folder))
    found = folders.examine(folder, "litert")
    with pytest.raises(ModelFault, match=f"litert cannot load it.*{told}"):
        classifier.load(*found, threads=1)
