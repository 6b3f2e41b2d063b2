"""One file a kind of subject, each with a function `prepare`; a manifest names it by its file name."""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelFault, did_you_mean
from service.images import square
from service.images.decode import Picture
from service.images.steps import Step


class Prepared(NamedTuple):
    """What the model sees: uint8 `[height, width, channels]`, every decision that led to it in order, and warnings.

    `subject` is False where the picture holds nothing to classify; `in_form` is True where it is so much like the data
    set's own that it cannot be noise.
    """

    array: NDArray[np.uint8]
    steps: tuple[Step, ...]
    warnings: tuple[Step, ...] = ()
    subject: bool = True
    in_form: bool = False


_NOISE = Step("noise", "neighbouring pixels have nothing to do with each other: this looks like noise")
# The least of all test images of CIFAR-10, MNIST and Fashion-MNIST is 0.24, the most of uniform noise 0.09. Of real
# uploads it is 0.47, of lines of one pixel 0.29.
_LEAST_LIKENESS = 0.17
# Of every kind: there is nothing in the picture.
BLANK = Step("blank", "nothing stands out from the ground: this looks like a blank page")

# A picture and the model's height, width and channels → what the model sees.
Prepare = Callable[[Picture, tuple[int, int, int]], Prepared]


def names() -> list[str]:
    """The kinds there are."""
    return [module.name for module in pkgutil.iter_modules(__path__)]


def find(kind: str) -> Prepare:
    """The `prepare` of an image kind; raises ModelFault with the kinds there are."""
    if kind not in names():
        raise ModelFault(
            f"image kind {kind!r} is unknown{did_you_mean(kind, names())}; there are: {', '.join(names())}"
        )
    return functools.partial(_checked, importlib.import_module(f"{__name__}.{kind}").prepare)


def _checked(prepare: Prepare, picture: Picture, shape: tuple[int, int, int]) -> Prepared:
    """What the kind prepares, with the warnings of the picture itself, and one if it is noise."""
    prepared = prepare(picture, shape)
    if picture.warnings:
        warnings, subject = (*picture.warnings, *prepared.warnings), prepared.subject and picture.subject
        prepared = prepared._replace(warnings=warnings, subject=subject)
    if prepared.subject and not prepared.in_form and square.likeness(picture.image) < _LEAST_LIKENESS:
        return prepared._replace(warnings=(*prepared.warnings, _NOISE), subject=False)
    return prepared
