"""A data set: what it is, where its files may lie, and its arrays, checked."""

import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import Fault, did_you_mean
from service.manifest import InputSpec

UInt8 = NDArray[np.uint8]


class DataFault(Fault):
    """The data cannot be had, or is not what it claims to be; the sentence says what to do."""

    code = "data_fault"


class Split(NamedTuple):
    """Images uint8 `[N, H, W, C]` and their class numbers uint8 `[N]`, in the authors' order."""

    images: UInt8
    labels: UInt8


class Splits(NamedTuple):
    """The authors' own division."""

    train: Split
    test: Split

    def hold_out(self, images: int) -> tuple[Split, Split]:
        """The training split without its last `images`, and these."""
        kept = len(self.train.labels) - images
        if kept <= 0:
            raise DataFault(f"{images} images cannot be held out of {len(self.train.labels)}")
        return Split(*(a[:kept] for a in self.train)), Split(*(a[kept:] for a in self.train))


class Content(NamedTuple):
    """What data of somebody's own holds; validation images are the last ones of train.

    `divided` says that its owner set the test split apart. `layout` says in sentences what was taken as what, `remarks`
    what the owner should look at.
    """

    labels: tuple[str, ...]
    kind: str
    splits: Splits
    validation_images: int
    divided: bool
    remarks: tuple[str, ...] = ()
    layout: tuple[str, ...] = ()


class Source(NamedTuple):
    """One way the data set may lie in a folder: its files, and what reads them."""

    files: tuple[str, ...]
    read: Callable[[Path], Splits]


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What is known of a data set before its arrays are loaded.

    `digest` is the SHA-256 of x_train, y_train, x_test and y_test, one after the other, as uint8 in C order;
    `sources` are tried in order; `keras_name` names the module of `keras.datasets` that downloads it, if one does;
    `hub_id` is its name on Hugging Face's Hub. A data set of somebody's own has `read` instead of these.
    """

    name: str
    title: str
    labels: tuple[str, ...]
    kind: str
    input: InputSpec
    train_images: int | None = None
    test_images: int | None = None
    digest: str | None = None
    sources: tuple[Source, ...] = ()
    keras_name: str = ""
    hub_id: str = ""
    read: Callable[[], Splits] | None = None
    licence: str
    citation: str


def all_data_sets() -> dict[str, DataSet]:
    """Every fixed data set of `training/datasets/`, by name: each module there holds a `DATA_SET`, or a `make`."""
    modules = {name: _module(name) for name in _names()}
    return {name: module.DATA_SET for name, module in modules.items() if hasattr(module, "DATA_SET")}


def find(name: str, options: Mapping[str, Any] | None = None) -> DataSet:
    """The data set of that name; one that is made anew takes a recipe's `data_options`.

    Raises DataFault with the names there are.
    """
    names = _names()
    if name not in names:
        there_are = ", ".join(sorted(names))
        raise DataFault(f"no data set is called {name!r}{did_you_mean(name, names)}; there are: {there_are}")
    module = _module(name)
    if hasattr(module, "DATA_SET"):
        return module.DATA_SET
    if not options:
        raise DataFault(
            f"{name} is not one data set: `python -m training train-folder --images …` says which, "
            "and the run that it makes can be measured"
        )
    return module.make(**options)


def _names() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(importlib.import_module("training.datasets").__path__)]


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"training.datasets.{name}")


def of_content(name: str, title: str, content: Content, stated_digest: str | None = None) -> DataSet:
    """Data of somebody's own as a data set; `name` is that of the module which reads it.

    Raises DataFault if the digest is not the stated one.
    """
    if stated_digest and digest(content.splits) != stated_digest:
        raise DataFault(f"the {title} have changed since the run was made; train them anew")
    return DataSet(
        name=name,
        title=title,
        labels=content.labels,
        kind=content.kind,
        input=input_spec(content.splits.train.images.shape[1:]),
        read=lambda: content.splits,
        licence="its owner's",
        citation="its owner",
    )


def input_spec(shape: tuple[int, ...]) -> InputSpec:
    """Of images of that height, width and channels; raises ValueError where no model may take them."""
    return InputSpec.model_validate(dict(zip(("height", "width", "channels"), shape, strict=True)))


def load(data_set: DataSet, data_dir: Path | None) -> Splits:
    """The arrays, from `data_dir` if given, else from Keras' cache or its download.

    Raises DataFault if they cannot be had, or are not the original release.
    """
    if data_set.read:
        splits = data_set.read()
    else:
        splits = _from_keras(data_set) if data_dir is None else _from_folder(data_set, data_dir)
    check(data_set, splits)
    return splits


def digest(splits: Iterable[Split]) -> str:
    """SHA-256 over images and labels of each split in turn; see `DataSet.digest`."""
    sha = hashlib.sha256()
    for split in splits:
        for array in split:
            sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def joined(*splits: Split) -> Split:
    """One split of the images of several, in turn."""
    return Split(*(np.concatenate(arrays) for arrays in zip(*splits, strict=True)))


def check(data_set: DataSet, splits: Splits) -> None:
    """Raises DataFault naming the first thing about the arrays that is not as the data set states."""
    _check_split(data_set, "train", splits.train, data_set.train_images)
    _check_split(data_set, "test", splits.test, data_set.test_images)
    if data_set.digest and (found := digest(splits)) != data_set.digest:
        raise DataFault(
            f"{data_set.name}: the arrays are not the original release (SHA-256 {found}, expected {data_set.digest}); "
            "download the files again"
        )


def _check_split(data_set: DataSet, name: str, split: Split, stated: int | None) -> None:
    images, labels = split
    where, count = f"{data_set.name} {name}", len(labels) if stated is None else stated
    if images.dtype != np.uint8 or labels.dtype != np.uint8:
        raise DataFault(f"{where}: images and labels must be uint8, not {images.dtype} and {labels.dtype}")
    if images.shape != (count, *data_set.input.shape) or labels.shape != (count,):
        raise DataFault(
            f"{where}: {count} images of {data_set.input.shape} and as many labels expected, "
            f"not {images.shape} and {labels.shape}"
        )
    if sorted(np.unique(labels)) != list(range(len(data_set.labels))):
        raise DataFault(f"{where}: labels must be 0 to {len(data_set.labels) - 1}, each at least once")


def _from_folder(data_set: DataSet, data_dir: Path) -> Splits:
    for source in data_set.sources:
        if all((data_dir / file).is_file() for file in source.files):
            try:
                return source.read(data_dir)
            except Exception as error:  # each format's reader has its own ways to fail on a damaged file
                file = data_dir / source.files[0]
                reason = f"{type(error).__name__}: {error}"
                raise DataFault(f"{file} cannot be read, download it again ({reason})") from error
    raise DataFault(f"{data_dir} has no {data_set.name}; put one of these there:\n{_wanted(data_set)}")


def _wanted(data_set: DataSet) -> str:
    return "\n".join(f"  {' and '.join(source.files)}" for source in data_set.sources)


def _from_keras(data_set: DataSet) -> Splits:
    advice = f"put one of these into a folder and pass --data-dir FOLDER:\n{_wanted(data_set)}"
    if not data_set.keras_name:
        raise DataFault(f"{data_set.name} is none that Keras downloads;\n{advice}")
    # Here, not above: `list` and the service's tests need no Keras.
    module = importlib.import_module(f"keras.datasets.{data_set.keras_name}")
    try:
        train, test = module.load_data()
    except Exception as error:  # Keras raises a bare Exception when the download fails
        reason = f"{data_set.name} is not in Keras' cache and could not be downloaded ({error})"
        raise DataFault(f"{reason};\nwithout a network {advice}") from error
    return Splits(as_split(data_set.input, *train), as_split(data_set.input, *test))


def as_split(spec: InputSpec, images: NDArray[np.generic], labels: NDArray[np.generic]) -> Split:
    """Arrays in the layout of `Split`, from images without a channel axis or labels `[N, 1]`.

    Raises ValueError if a value does not fit into uint8.
    """
    return Split(_as_uint8(images).reshape(-1, *spec.shape), _as_uint8(labels).reshape(-1))


def _as_uint8(array: NDArray[np.generic]) -> UInt8:
    cast = array.astype(np.uint8)
    if not np.array_equal(cast, array):
        raise ValueError(f"values of {array.dtype} are not whole numbers from 0 to 255")
    return cast
