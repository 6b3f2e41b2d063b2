"""A loaded version: arrays to predictions."""

import dataclasses

import numpy as np
import pytest

from service import manifest as contract
from service.images.kinds import Prepared
from service.inference import classifier
from service.inference.engines import Output
from tests.conftest import shipped


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("field", ["probabilities", "logits"])
def test_numbers_that_are_none_are_never_answered(field: str, wrong: float) -> None:
    folder = shipped("mnist")
    loaded = classifier.load(folder, contract.read(folder), "litert", 1)
    right = Output(np.full((1, 10), 0.1, np.float32), np.zeros((1, 10), np.float32))
    answered = right._replace(**{field: np.full((1, 10), wrong, np.float32)})
    blank = Prepared(np.zeros((28, 28, 1), np.uint8), ())
    assert dataclasses.replace(loaded, _infer=lambda _: right).classify([blank])
    with pytest.raises(ArithmeticError, match="mnist"):
        dataclasses.replace(loaded, _infer=lambda _: answered).classify([blank])
