"""One file a kind of subject, each with a function `prepare`; a manifest names it by its file name."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelFault
from service.images.decode import Picture
from service.images.steps import Step


class Prepared(NamedTuple):
    """What the model sees: uint8 `[height, width, channels]`, every decision that led to it in order, and warnings.

    `subject` is False where the picture holds nothing to classify.
    """

    array: NDArray[np.uint8]
    steps: tuple[Step, ...]
    warnings: tuple[Step, ...] = ()
    subject: bool = True


# A picture and the model's height, width and channels → what the model sees.
Prepare = Callable[[Picture, tuple[int, int, int]], Prepared]


def find(kind: str) -> Prepare:
    """The `prepare` of an image kind; raises ModelFault with the kinds there are."""
    kinds = [module.name for module in pkgutil.iter_modules(__path__)]
    if kind not in kinds:
        raise ModelFault(f"image kind {kind!r} is unknown; there are: {', '.join(kinds)}")
    prepare: Prepare = importlib.import_module(f"{__name__}.{kind}").prepare
    return prepare
