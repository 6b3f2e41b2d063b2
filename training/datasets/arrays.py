"""Arrays of your own: one `.npz` file in the schema of `keras.datasets`."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.images import kinds
from training import dataset
from training.dataset import Content, DataFault, DataSet, Split, Splits, as_split

_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
# Of the training images.
_HELD_OUT = 0.1
_ORDER_SEED = 1


def make(arrays: str, labels: Sequence[str] | None, kind: str, digest: str | None = None) -> DataSet:
    """The data set in a file; the arguments are a recipe's `data_options`. Raises DataFault."""
    content = read(arrays, tuple(labels) if labels else None, kind)
    return dataset.of_content("arrays", f"arrays of {Path(arrays).name}", content, digest)


@functools.lru_cache(maxsize=1)
def read(arrays: str, labels: tuple[str, ...] | None, kind: str) -> Content:
    """The arrays x_train, y_train, x_test and y_test of a file.

    Images are whole numbers 0 to 255, `[N, H, W]` or `[N, H, W, 1 or 3]`; labels are class numbers from 0, `[N]` or
    `[N, 1]`. Without names the classes are called by their numbers. Raises DataFault.
    """
    kinds.find(kind)
    found = _loaded(Path(arrays))
    try:
        spec = dataset.input_spec(_image_shape(found["x_train"]))
        train, test = (as_split(spec, found[f"x_{part}"], found[f"y_{part}"]) for part in ("train", "test"))
    except ValueError as error:
        raise DataFault(f"{arrays}: {error}") from error
    names = labels or tuple(str(number) for number in range(int(train.labels.max()) + 1))
    order = _each_class_spread(train.labels)
    spread = Split(*(array[order] for array in train))
    held_out = max(len(names), round(len(order) * _HELD_OUT))
    return Content(names, kind, Splits(spread, test), held_out, divided=True)


def _each_class_spread(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """An order by chance in which any number of last images has its part of each class, and each class is last once.

    Files are often sorted by class, and the last images are held out.
    """
    order = np.random.default_rng(_ORDER_SEED).permutation(len(labels))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        of_class = labels[order] == label
        place[of_class] = np.arange(1, of_class.sum() + 1) / of_class.sum()
    return order[np.argsort(place, kind="stable")]


def _loaded(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
            arrays = {name: found[name] for name in _ARRAYS}
    except KeyError as error:
        raise DataFault(f"{path} has no {error.args[0].split()[0]}; {', '.join(_ARRAYS)} are needed") from error
    except Exception as error:  # numpy's reader has many ways to fail on a file that is none of its own
        raise DataFault(f"{path} cannot be read as .npz without pickled objects ({error})") from error
    for part in ("train", "test"):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if images.ndim not in (3, 4) or labels.size != len(images) or not len(images):
            raise DataFault(
                f"{path}: x_{part} must be [N, height, width] or [N, height, width, channels], and y_{part} a class "
                f"number for each, not {images.shape} and {labels.shape}"
            )
    one, other = (_image_shape(arrays[f"x_{part}"]) for part in ("train", "test"))
    if one != other:
        raise DataFault(f"{path}: images of x_train and x_test must have one shape, not {one} and {other}")
    return arrays


def _image_shape(images: NDArray[np.generic]) -> tuple[int, ...]:
    """Height, width and channels."""
    return (*images.shape[1:], 1) if images.ndim == 3 else images.shape[1:]
