"""Labelled pictures as people took them, judged by a version exactly as the service would."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from service import manifest as contract
from service.errors import ImageFault
from service.images.decode import Limits, decode
from service.images.kinds import Prepared
from service.inference import classifier
from service.inference.classifier import Classifier, Prediction
from service.manifest import EngineName

# One's own files on one's own machine: only what Pillow itself refuses is too large.
LIMITS = Limits(max_bytes=2**28, max_pixels=178_000_000, max_frames=100_000)
_NO_CLASS = -1
# Fewer first words than this make a table worth reading, more are just names.
_MOST_WORDS = 12


class Labelled(NamedTuple):
    """A picture file, the index of its class, and the folder that the class's directory lies in."""

    file: Path
    label: int
    folder: str


class Judged(NamedTuple):
    """What a version made of a picture; `fault` says why it could make nothing of it."""

    picture: Labelled
    prepared: Prepared | None
    prediction: Prediction | None
    fault: str = ""

    @property
    def right(self) -> bool:
        """Whether the class was named; a picture that cannot be read counts as not."""
        return self.prediction is not None and self.prediction.label_index == self.picture.label

    @property
    def flagged(self) -> bool:
        """Whether it was told to be like nothing the model was trained on."""
        return self.prediction is not None and self.prediction.in_distribution is False


def find(root: Path, labels: Sequence[str]) -> list[Labelled]:
    """Every file below a directory that is named as one of the labels, wherever below `root` it lies.

    Names are compared without case and punctuation: `T-shirt_top` holds the class `T-shirt/top`.
    """
    plain = [_plain(label) for label in labels]
    indices = {name: index for index, name in enumerate(plain) if plain.count(name) == 1}
    indices |= {label: index for index, label in enumerate(labels)}
    found = []
    for file in _files(root):
        parents = file.relative_to(root).parts[:-1]
        known = [indices.get(name, indices.get(_plain(name))) for name in parents]
        depth = next((d for d in reversed(range(len(parents))) if known[d] is not None), None)
        if depth is not None and (label := known[depth]) is not None:
            found.append(Labelled(file, label, "/".join(parents[:depth]) or "."))
    return found


def _files(root: Path) -> list[Path]:
    """In the order of their names, without what is hidden or lies in something hidden."""
    files = (file for file in sorted(root.rglob("*")) if file.is_file())
    return [file for file in files if not any(part.startswith(".") for part in file.relative_to(root).parts)]


def find_all(root: Path) -> list[Labelled]:
    """Every file below `root`, as of no class, in the folder directly below it: pictures that should be flagged."""
    folders = ((file, file.relative_to(root).parts[:-1]) for file in _files(root))
    return [Labelled(file, _NO_CLASS, parents[0] if parents else ".") for file, parents in folders]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold()) or name


def load(version: Path, engine: EngineName | None = None) -> Classifier:
    """A version as the service loads it, with LiteRT where it has both engines."""
    manifest = contract.read(version)
    names: list[EngineName] = [engine] if engine else list(manifest.engines)
    return classifier.load(version, manifest, names[0], threads=1)


def judge(model: Classifier, pictures: Sequence[Labelled]) -> Iterator[Judged]:
    """Decodes, prepares and classifies each picture by the code that serves."""
    for picture in pictures:
        try:
            prepared = model.prepare(decode(picture.file.read_bytes(), LIMITS))
        except (ImageFault, OSError) as fault:
            yield Judged(picture, None, None, str(fault))
            continue
        (prediction,) = model.classify([prepared])
        yield Judged(picture, prepared, prediction)


def report(judged: Sequence[Judged], labels: Sequence[str]) -> Iterator[str]:
    """Accuracy and false alarms of all, by class, by folder and by the first word of the file names."""
    yield f"{'':32} {'n':>5} {'right':>8} {'flagged as not in distribution'}"
    yield _row("all", judged)
    for title, key in _groupings(labels).items():
        groups = _grouped(judged, key)
        if title == "class" or (len(groups) > 1 and (title == "folder" or len(groups) <= _MOST_WORDS)):
            yield f"by {title}"
            yield from (_row(f"  {name}", group) for name, group in groups.items())
    for one in judged:
        if one.fault:
            yield f"cannot be read: {one.picture.file}: {one.fault}"


def report_strangers(judged: Sequence[Judged]) -> Iterator[str]:
    """The part that is flagged, of all and by folder; what cannot be read is left out."""
    read = [one for one in judged if not one.fault]
    groups = {"all": read, **_grouped(read, lambda one: f"  {one.picture.folder}")}
    for name, group in groups.items():
        if group:
            yield f"{name:32} {len(group):5} {sum(one.flagged for one in group) / len(group):8.1%} flagged"


def _groupings(labels: Sequence[str]) -> dict[str, Callable[[Judged], str]]:
    return {
        "class": lambda one: labels[one.picture.label],
        "folder": lambda one: one.picture.folder,
        "first word of the file name": lambda one: re.split(r"[_\W]", one.picture.file.stem, maxsplit=1)[0],
    }


def _grouped(judged: Sequence[Judged], key: Callable[[Judged], str]) -> Mapping[str, list[Judged]]:
    groups: dict[str, list[Judged]] = {}
    for one in judged:
        groups.setdefault(key(one), []).append(one)
    return groups


def _row(name: str, group: Sequence[Judged]) -> str:
    right, flagged = (sum(part) / len(group) for part in zip(*((one.right, one.flagged) for one in group), strict=True))
    return f"{name:32} {len(group):5} {right:8.1%} {flagged:8.1%}"
