"""A folder of your own images, one directory a class, decoded by the code that will serve."""

import functools
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from service.errors import BrokenImage, ImageFault
from service.images import kinds
from service.images.decode import decode
from training import dataset, image_folder
from training.dataset import Content, DataFault, DataSet, Split, Splits, UInt8
from training.image_folder import LIMITS, SPLITS, Layout

# Of each class, for a split that the folder's owner has not made; at least one image each.
_HELD_OUT = 0.1
# Class numbers are bytes.
_MAX_CLASSES = 256
_MAX_LISTED = 20
_MAX_DUPLICATES = 3


class _Image(NamedTuple):
    """A file that could be decoded; `digest` is the SHA-256 of its bytes."""

    path: Path
    digest: str
    array: UInt8


_ImagesByLabel = Mapping[str, Sequence[_Image]]


def make(images: str, size: int, grey: bool, kind: str, skip_unreadable: bool, digest: str | None = None) -> DataSet:
    """The data set in a folder; the arguments are a recipe's `data_options`. Raises DataFault."""
    content = read(images, (size, size, 1 if grey else 3), kind, skip_unreadable)
    return dataset.of_content("folder", f"images of {Path(images).resolve().name}", content, digest)


@functools.lru_cache(maxsize=1)
def read(images: str, shape: tuple[int, int, int], kind: str, skip_unreadable: bool) -> Content:
    """Decodes every image as the service would, and divides what can be read into splits; raises DataFault."""
    layout = image_folder.find(Path(images))
    labels = tuple(sorted(layout.files["train"]))
    _check_labels(layout, labels)
    faults: list[str] = []
    found = {
        split: {label: list(_read_files(paths, kind, shape, faults)) for label, paths in files.items()}
        for split, files in layout.files.items()
    }
    if faults and not skip_unreadable:
        listed = "\n".join(f"  {fault}" for fault in faults[:_MAX_LISTED])
        raise DataFault(f"{len(faults)} files cannot be read; remove them or pass --skip-unreadable:\n{listed}")
    divided = _divided(found, "readable images" if faults else "images")
    train, validation, test = (_as_split(divided[split], labels, shape) for split in SPLITS)
    return Content(
        labels,
        kind,
        Splits(dataset.joined(train, validation), test),
        len(validation.labels),
        divided="test" in layout.files,
        remarks=(*(f"skipped, {fault}" for fault in faults), *_duplicates(divided)),
        layout=layout.messages,
    )


def _check_labels(layout: Layout, labels: Sequence[str]) -> None:
    if not 2 <= len(labels) <= _MAX_CLASSES:
        bound = "at least 2" if len(labels) < 2 else f"at most {_MAX_CLASSES}"
        found = ", ".join(labels[:_MAX_LISTED]) or "none"
        raise DataFault(f"{bound} classes are needed, found {len(labels)}: {found}")
    for split, files in layout.files.items():
        if unknown := files.keys() - set(labels):
            raise DataFault(
                f"{split} has classes that train has not: {', '.join(sorted(unknown))}; train has {', '.join(labels)}"
            )
        if missing := set(labels) - files.keys():
            raise DataFault(f"{split} has no directory for these classes of train: {', '.join(sorted(missing))}")


def _read_files(paths: Iterable[Path], kind: str, shape: tuple[int, int, int], faults: list[str]) -> Iterator[_Image]:
    """Every file that can be read; the others are added to `faults`."""
    prepare = kinds.find(kind)
    for path in paths:
        try:
            data = path.read_bytes()
            picture = decode(data, LIMITS)
            if picture.warnings:  # a part of a picture is no example of what it shows
                raise BrokenImage(picture.warnings[0].text)
            array = prepare(picture, shape).array
        except (ImageFault, OSError) as fault:
            faults.append(f"{path}: {fault}")
            continue
        if array.shape != shape:
            raise DataFault(f"the kind {kind} gives grey pictures: pass --grey")
        yield _Image(path, hashlib.sha256(data).hexdigest(), array)


def _divided(found: Mapping[str, _ImagesByLabel], noun: str) -> Mapping[str, _ImagesByLabel]:
    """All three splits: those that are missing take their part of train, the same whatever the files are called."""
    missing = [split for split in SPLITS if split not in found]
    divided: dict[str, dict[str, Sequence[_Image]]] = {split: dict(found.get(split, {})) for split in SPLITS}
    for label, images in found["train"].items():
        if len(images) <= len(missing):
            wanted = " and ".join(("train", *missing))
            raise DataFault(
                f"class {label!r} has {len(images)} {noun}; at least {len(missing) + 1} are needed, for {wanted}"
            )
        if missing:
            images = sorted(images, key=lambda image: image.digest)
        held_out = max(1, round(len(images) * _HELD_OUT))
        for split in reversed(missing):
            images, divided[split][label] = images[:-held_out], images[-held_out:]
        divided["train"][label] = images
    for split, by_label in divided.items():
        if empty := [label for label, images in by_label.items() if not images]:
            raise DataFault(f"class {empty[0]!r} has no {noun} in {split}")
    return divided


def _as_split(images: _ImagesByLabel, labels: Sequence[str], shape: tuple[int, int, int]) -> Split:
    arrays = [image.array for label in labels for image in images[label]]
    numbers = np.repeat(np.arange(len(labels), dtype=np.uint8), [len(images[label]) for label in labels])
    return Split(np.array(arrays, np.uint8).reshape(-1, *shape), numbers)


def _duplicates(divided: Mapping[str, _ImagesByLabel]) -> Iterator[str]:
    """A sentence for each picture that lies in more than one split, the first few by name: its test is no test."""
    places: dict[str, dict[str, Path]] = defaultdict(dict)
    for split in SPLITS:
        for images in divided[split].values():
            for image in images:
                places[image.digest].setdefault(split, image.path)
    repeated = [list(found.values()) for found in places.values() if len(found) > 1]
    for paths in repeated[:_MAX_DUPLICATES]:
        yield f"the same picture in several splits: {', '.join(map(str, paths))}"
    if len(repeated) > _MAX_DUPLICATES:
        yield f"{len(repeated) - _MAX_DUPLICATES} more pictures are in several splits; move each to one of them"
