"""Data of somebody's own, as the commands take it: a folder of images, or one file of arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict

import numpy as np
from PIL import Image

from service.images import kinds
from service.images.decode import Picture
from training import dataset
from training.dataset import Content, DataFault, DataSet, Splits
from training.datasets import arrays, folder

# Of pictures, where nobody says otherwise.
_SIDE_PX = 32
# Arrays of which it is seen whether the service would change them.
_CHECKED = 200

# The range of the pixels that a model trained elsewhere takes.
Pixels = Literal["0..255", "0..1", "-1..1"]


class Stated(TypedDict):
    """What the options of `training.commands.options.own_images` give."""

    images: Path | None
    size: int | None
    grey: bool
    kind: str
    labels: Path | None
    skip_unreadable: bool


class Evidence(NamedTuple):
    """Labelled images to calibrate and measure on; where `has_test_split` is false, the splits are one set."""

    data_set: DataSet
    splits: Splits
    has_test_split: bool


class OwnData(NamedTuple):
    """The module of `training.datasets` that reads it, what that module's `make` takes, and what was read."""

    data_set: str
    data_options: Mapping[str, Any]
    content: Content


def read(images: Path, stated: Stated, shape: tuple[int, int, int] | None = None) -> OwnData:
    """What lies at `images`: of arrays their own size and `labels`, of a folder all of it, in `shape` if given.

    `shape` is height, width and channels, in place of the stated size. Raises DataFault.
    """
    place, kind = str(images.resolve()), stated["kind"]
    options: dict[str, Any]
    if images.suffix == ".npz":
        labels = read_labels(stated["labels"]) if stated["labels"] else None
        content = arrays.read(place, labels, kind)
        _check_served_as_they_are(content)
        options = {"arrays": place, "labels": labels, "kind": kind}
    else:
        size = stated["size"] or _SIDE_PX
        options = {name: stated[name] for name in ("grey", "kind", "skip_unreadable")} | {"images": place, "size": size}
        content = folder.read(place, shape or (size, size, 1 if stated["grey"] else 3), kind, stated["skip_unreadable"])
    # Other content is another run, though it lies at the same place.
    options["digest"] = dataset.digest(content.splits)
    return OwnData("arrays" if images.suffix == ".npz" else "folder", options, content)


def _check_served_as_they_are(content: Content) -> None:
    """Raises DataFault if the service would hand the model something else than these arrays, as most of them are."""
    images = content.splits.train.images
    sample = images[:: max(1, len(images) // _CHECKED)]
    prepare = kinds.find(content.kind)
    prepared = [prepare(Picture(Image.fromarray(image.squeeze()), ()), image.shape) for image in sample]
    changed = [one for one, image in zip(prepared, sample, strict=True) if not np.array_equal(one.array, image)]
    if len(changed) > len(sample) / 2:
        raise DataFault(
            f"pictures of the kind {content.kind} reach the model otherwise than these arrays are "
            f"({'; '.join(step.text for step in changed[0].steps) or 'in another shape'}); "
            "digits are boxed and centred as MNIST's, garments grey and bright on black, photos as they are: "
            "change the arrays or --kind"
        )


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names, one a line in class order; raises DataFault."""
    try:
        labels = tuple(line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataFault(f"{path} cannot be read as a list of class names, one a line ({error})") from error
    if len(set(labels)) != len(labels) or len(labels) < 2:
        raise DataFault(f"{path} must name at least two classes, one a line and each once; it names {len(labels)}")
    return labels
