"""Any body of TF Serving's REST API is pictures, or a fault in its words."""

import json

import numpy as np

from service.api import json_documents
from service.api.tensorflow_serving import instances
from service.api.uploads import Upload
from service.errors import Fault

_SHAPE = (2, 2, 1)
_MOST_IMAGES = 4
_PIXELS = [[[0], [255]], [[7], [8]]]
WORDS = (
    b'"instances"', b'"inputs"', b'"examples"', b'"context"', b'"image"', b'"b64"', b'"signature_name"',
    b'"aGVsbG8="', b"[", b"]", b"{", b"}", b":", b",", b"[[[0],[1]],[[2],[3]]]", b"255", b"-1", b"1.5", b"1e400",
    b"null", b"true", b"NaN", b"9" * 30, b"\\ud800",
)  # fmt: skip


def seeds() -> list[bytes]:
    """Every form there is."""
    file = {"b64": "aGVsbG8="}
    forms: list[object] = [
        {"instances": [_PIXELS, [[0, 1], [2, 3]]]},
        {"instances": [{"image": _PIXELS}]},
        {"instances": [file, file]},
        {"inputs": [_PIXELS]},
        {"inputs": {"image": [file]}, "signature_name": "serving_default"},
        {"examples": [{"image": [0, 1, 2, 3]}, {"image": file}], "context": {"other": 1.5}},
        {"instances": [1e400, -0, None, True, "\ud800", {}]},
    ]
    return [json.dumps(form).encode() for form in forms]


def one(data: bytes) -> None:
    """Reads it as a body of `:predict` and of `:classify`."""
    try:
        document = json_documents.parse(data, json_documents.max_values(_SHAPE, _MOST_IMAGES))
    except Fault as fault:
        assert fault.text.encode()
        return
    for take in (instances.examples, instances.rows if _is_rows(document) else instances.columns):
        try:
            inputs = take(document, _SHAPE)
        except (Fault, KeyError) as fault:
            # `rows` and `columns` are asked only where their key is there.
            assert isinstance(fault, Fault) or not {"instances", "inputs"} & document.keys()
            continue
        assert inputs and all(isinstance(one, Upload) or _fits(one) for one in inputs)


def _is_rows(document: json_documents.Document) -> bool:
    try:
        return instances.are_rows(document)
    except Fault:
        return False


def _fits(array: np.ndarray) -> bool:
    return array.shape == _SHAPE and array.dtype == np.uint8
