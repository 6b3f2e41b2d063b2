"""A folder of your own images, one directory a class, decoded by the code that will serve."""

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from service import manifest
from service.errors import BrokenImage, ImageFault
from service.images import kinds
from service.images.decode import Limits, decode
from training import dataset
from training.dataset import Content, DataFault, DataSet, Split, Splits

_SPLITS = ("train", "val", "test")
# Of each class, where the folder is not split by its owner; at least one image each.
_HELD_OUT = 0.1
_LEAST_IMAGES = 3
# Class numbers are bytes.
_MOST_CLASSES = 256
_LIMITS = Limits(max_bytes=2**28, max_pixels=178_000_000, max_frames=100_000)
_SHOWN = 20

# Split → label → files.
_Files = Mapping[str, Mapping[str, Sequence[Path]]]


def make(images: str, size: int, grey: bool, kind: str, skip_unreadable: bool, digest: str | None = None) -> DataSet:
    """The data set in a folder; the arguments are a recipe's `data_options`. Raises DataFault."""
    content = read(images, size, grey, kind, skip_unreadable)
    return dataset.of_content("folder", f"images of {Path(images).resolve().name}", content, digest)


@functools.lru_cache(maxsize=1)
def read(images: str, size: int, grey: bool, kind: str, skip_unreadable: bool) -> Content:
    """Decodes every image as the service would, and splits them; raises DataFault with all that is wrong at once."""
    files = _found(Path(images))
    labels = tuple(sorted(files["train"]))
    _check_classes(files, labels)
    shape = (size, size, 1 if grey else 3)
    faults: list[str] = []
    train, validation, test = (_decoded(files[name], labels, kind, shape, faults) for name in _SPLITS)
    if faults and not skip_unreadable:
        listed = "\n".join(f"  {fault}" for fault in faults[:_SHOWN])
        raise DataFault(f"{len(faults)} files cannot be read; remove them or pass --skip-unreadable:\n{listed}")
    remarks = [f"skipped, {fault}" for fault in faults] + list(_duplicates(files))
    joined = Split(*(np.concatenate(pair) for pair in zip(train, validation, strict=True)))
    divided = (Path(images) / "train").is_dir()
    return Content(labels, kind, Splits(joined, test), len(validation.labels), divided, tuple(remarks))


def _found(root: Path) -> _Files:
    if not root.is_dir():
        raise DataFault(f"{root} is no folder; it should hold one directory of images for each class")
    if (root / "train").is_dir():
        given = {name: _by_label(root / name) for name in _SPLITS}
        if given["val"] and given["test"]:
            return given
        raise DataFault(
            f"{root} has train/ and must have val/ and test/ beside it, each with a directory for each class"
        )
    found: dict[str, dict[str, Sequence[Path]]] = {name: {} for name in _SPLITS}
    for label, files in _by_label(root).items():
        for name, part in zip(_SPLITS, _divided(label, files), strict=True):
            found[name][label] = part
    return found


def _by_label(folder: Path) -> dict[str, Sequence[Path]]:
    if not folder.is_dir():
        return {}
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return {path.name: sorted(file for file in path.rglob("[!.]*") if file.is_file()) for path in classes}


def _divided(label: str, files: Sequence[Path]) -> tuple[Sequence[Path], Sequence[Path], Sequence[Path]]:
    """Train, validation and test, the same whenever the files are the same, whatever their names."""
    if len(files) < _LEAST_IMAGES:
        raise DataFault(f"class {label!r} has {len(files)} images; at least {_LEAST_IMAGES} are needed: to train, "
                        "to validate and to test")  # fmt: skip
    ordered = sorted(files, key=manifest.digest)
    held_out = max(1, round(len(files) * _HELD_OUT))
    return ordered[: -2 * held_out], ordered[-2 * held_out : -held_out], ordered[-held_out:]


def _check_classes(files: _Files, labels: Sequence[str]) -> None:
    if len(labels) > _MOST_CLASSES:
        raise DataFault(f"at most {_MOST_CLASSES} classes can be told apart, found {len(labels)}")
    if len(labels) < 2:
        raise DataFault(f"at least 2 classes are needed, found {len(labels)}: {', '.join(labels) or 'none'}")
    for name in _SPLITS:
        for label in labels:
            if not files[name].get(label):
                raise DataFault(f"class {label!r} has no image in {name}")
        if unknown := files[name].keys() - set(labels):
            raise DataFault(f"{name} has classes that train has not: {', '.join(sorted(unknown))}")


def _decoded(
    files: Mapping[str, Sequence[Path]],
    labels: Sequence[str],
    kind: str,
    shape: tuple[int, int, int],
    faults: list[str],
) -> Split:
    """Arrays of every file that can be read; the others are added to `faults`."""
    prepare = kinds.find(kind)
    images, numbers = [], []
    for number, label in enumerate(labels):
        for file in files[label]:
            try:
                picture = decode(file.read_bytes(), _LIMITS)
                if picture.warnings:  # a part of a picture is no example of what it shows
                    raise BrokenImage(picture.warnings[0].text)
                array = prepare(picture, shape).array
                if array.shape != shape:
                    raise DataFault(f"the kind {kind} gives grey pictures: pass --grey")
                images.append(array)
                numbers.append(number)
            except (ImageFault, OSError) as fault:
                faults.append(f"{file}: {fault}")
    return Split(np.array(images, np.uint8).reshape(-1, *shape), np.array(numbers, np.uint8))


def _duplicates(files: _Files) -> Iterator[str]:
    """A sentence for each picture that lies in more than one split: its test result is no test."""
    places: dict[str, dict[str, Path]] = defaultdict(dict)
    for name in _SPLITS:
        for paths in files[name].values():
            for path in paths:
                places[manifest.digest(path)].setdefault(name, path)
    for found in places.values():
        if len(found) > 1:
            yield f"the same picture in several splits: {', '.join(str(path) for path in found.values())}"
