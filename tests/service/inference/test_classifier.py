"""A loaded version: arrays to predictions."""

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageOps

from service import manifest as contract
from service.images.decode import Picture
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


def of_digit(model: str) -> tuple[classifier.Classifier, Prepared]:
    """A model, and what it sees of a digit drawn on paper."""
    folder = shipped(model)
    loaded = classifier.load(folder, contract.read(folder), "litert", 1)
    digit = Image.open(shipped("mnist") / "golden" / "4.png")
    paper = ImageOps.invert(digit).resize((280, 280), Image.Resampling.BICUBIC)
    return loaded, loaded.prepare(Picture(paper, ()))


def test_a_digit_is_none_of_the_things_that_photographs_show() -> None:
    loaded, prepared = of_digit("cifar10")
    (prediction,) = loaded.classify([prepared])
    assert prediction.in_distribution is False
    assert [warning.code for warning in prediction.warnings] == ["drawing", "not_in_distribution"]


def test_a_model_of_drawings_takes_them_as_they_are() -> None:
    loaded, prepared = of_digit("mnist")
    (prediction,) = loaded.classify([prepared])
    assert prediction.in_distribution and prediction.label_index == 4 and not prediction.warnings
    accustomed, seen = of_digit("cifar10")
    expects = dataclasses.replace(
        accustomed, manifest=accustomed.manifest.model_copy(update={"expects_drawings": True})
    )
    assert [warning.code for warning in seen.warnings] == ["drawing"]
    assert not expects.prepare(Picture(Image.fromarray(seen.array), ())).warnings


def test_a_blank_page_is_told_as_blank_alone() -> None:
    loaded, _ = of_digit("cifar10")
    seen = loaded.prepare(Picture(Image.new("RGB", (200, 200), "white"), ()))
    assert [warning.code for warning in seen.warnings] == ["blank"]
