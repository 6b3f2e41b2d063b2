"""Any body of the Open Inference Protocol, JSON and binary tensors, is pictures, or a named fault."""

import json
import math

from service import manifest as contract
from service.api.open_inference import infer_request
from service.api.uploads import Upload
from service.errors import Fault
from service.manifest import INPUT_NAME, OUTPUT_NAMES, InputSpec
from tests.conftest import shipped

_SHAPE = (2, 2, 1)
_MANIFEST = contract.read(shipped("mnist")).model_copy(update={"input": InputSpec(height=2, width=2, channels=1)})
_MOST_IMAGES = 4
WORDS = (
    b'"inputs"', b'"outputs"', b'"name"', b'"shape"', b'"datatype"', b'"data"', b'"parameters"', b'"id"',
    b'"timeout"', b'"binary_data"', b'"binary_data_size"', b'"binary_data_output"', b'"classification"', b'"BYTES"',
    b'"UINT8"', b'"FP32"', b'"logits"', b'"probabilities"', b'"aGVsbG8="', b"[", b"]", b"{", b"}", b":", b",", b"-1",
    b"1.5", b"null", b"true", b"9" * 30, b"\\ud800", b"\2\0\0\0", b"\xff\xff\xff\xff",
)  # fmt: skip


def seeds() -> list[bytes]:
    """Every form there is; the first line is the header that says where the JSON ends, if there is one."""
    pixels = {"name": INPUT_NAME, "shape": [1, *_SHAPE], "datatype": "UINT8"}
    files = {"name": INPUT_NAME, "shape": [2], "datatype": "BYTES"}
    outputs = [{"name": name, "parameters": {"classification": 2, "binary_data": True}} for name in OUTPUT_NAMES]
    binary = {"parameters": {"binary_data_size": 4}}
    return [
        _seed({"inputs": [pixels | {"data": [1, 2, 3, 4]}], "id": "a", "parameters": {"timeout": 1000}}),
        _seed({"inputs": [pixels | {"data": [[[[1], [2]], [[3], [4]]]]}], "outputs": outputs}),
        _seed({"inputs": [files | {"data": ["aGVsbG8=", "data:;base64,aGVsbG8="]}]}),
        _seed({"inputs": [pixels | binary], "parameters": {"binary_data_output": True}}, b"\1\2\3\4"),
        _seed({"inputs": [files | {"parameters": {"binary_data_size": 10}}]}, b"\2\0\0\0ab\0\0\0\0"),
        b"0\n\1\2\3\4",
    ]


def _seed(document: object, tail: bytes = b"") -> bytes:
    head = json.dumps(document).encode()
    return (b"%d" % len(head) if tail else b"") + b"\n" + head + tail


def one(data: bytes) -> None:
    """Reads it with the header of its first line."""
    header, _, body = data.partition(b"\n")
    try:
        asked = infer_request.read(body, header.decode("latin-1") or None, _MANIFEST, _MOST_IMAGES)
    except Fault as fault:
        assert fault.text.encode()
        return
    assert 0 < len(asked.inputs) <= _MOST_IMAGES and {wanted.name for wanted in asked.outputs} <= set(OUTPUT_NAMES)
    assert all(isinstance(one, Upload) or one.shape == _SHAPE for one in asked.inputs)
    assert asked.timeout_s is None or math.isfinite(asked.timeout_s)
