"""Data of somebody's own, as the commands take it: a folder of images, or one file of arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict

from training.dataset import Content, DataFault
from training.datasets import arrays, folder

# The range of the pixels that a model trained elsewhere takes.
Pixels = Literal["0..255", "0..1", "-1..1"]


class Stated(TypedDict):
    """What the options of `training.commands.options.own_images` give."""

    images: Path | None
    size: int
    grey: bool
    kind: str
    labels: Path | None
    skip_unreadable: bool


class OwnData(NamedTuple):
    """The module of `training.datasets` that reads it, what that module's `make` takes, and what was read."""

    data_set: str
    data_options: Mapping[str, Any]
    content: Content


def read(images: Path, stated: Stated) -> OwnData:
    """What lies at `images`: of a folder all of it, of arrays their own size and `labels`. Raises DataFault."""
    place = str(images.resolve())
    if images.suffix == ".npz":
        labels = read_labels(stated["labels"]) if stated["labels"] else None
        options: dict[str, Any] = {"arrays": place, "labels": labels, "kind": stated["kind"]}
        return OwnData("arrays", options, arrays.read(**options))
    options = {"images": place} | {name: stated[name] for name in ("size", "grey", "kind", "skip_unreadable")}
    return OwnData("folder", options, folder.read(**options))


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names, one a line in class order; raises DataFault."""
    try:
        labels = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataFault(f"{path} cannot be read as a list of class names, one a line ({error})") from error
    if len(set(labels)) != len(labels) or len(labels) < 2:
        raise DataFault(f"{path} must name at least two classes, one a line and each once; it names {len(labels)}")
    return labels
