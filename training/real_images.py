"""Labelled pictures as people took them, answered by a version exactly as the service would."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageOps

from service import manifest as contract
from service.errors import ImageFault
from service.images.decode import decode
from service.images.kinds import Prepared
from service.inference import classifier
from service.inference.classifier import Classifier, Prediction
from service.manifest import EngineName
from training import atomic
from training.image_folder import LIMITS

_NO_CLASS = -1
# Of the sheet of mistakes, in pixels; and how many mistakes it shows.
_SIDE, _MARGIN, _TEXT, _COLUMNS = 120, 6, 26, 5
_MAX_SHOWN = 200


class LabelledFile(NamedTuple):
    """A picture file, the index of its class, and the folder that the class's directory lies in."""

    file: Path
    label: int
    folder: str


class Answer(NamedTuple):
    """What a version made of a picture; `fault` says why it could make nothing of it."""

    picture: LabelledFile
    prepared: Prepared | None
    prediction: Prediction | None
    fault: str = ""

    @property
    def right(self) -> bool:
        """Whether the class was named; a picture that cannot be read counts as not."""
        return self.prediction is not None and self.prediction.label_index == self.picture.label

    @property
    def flagged(self) -> bool:
        """Whether it was flagged as not in distribution."""
        return self.prediction is not None and self.prediction.in_distribution is False

    @property
    def confidence(self) -> float:
        """Of the named class, 0 where there is none."""
        return float(self.prediction.probabilities.max()) if self.prediction else 0.0


def find(root: Path, labels: Sequence[str]) -> list[LabelledFile]:
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
            found.append(LabelledFile(file, label, "/".join(parents[:depth]) or "."))
    return found


def find_all(root: Path) -> list[LabelledFile]:
    """Every file below `root`, as of no class, in the folder directly below it: pictures that should be flagged."""
    folders = ((file, file.relative_to(root).parts[:-1]) for file in _files(root))
    return [LabelledFile(file, _NO_CLASS, parents[0] if parents else ".") for file, parents in folders]


def _files(root: Path) -> list[Path]:
    """In the order of their names, without what is hidden or lies in something hidden."""
    files = (file for file in sorted(root.rglob("*")) if file.is_file())
    return [file for file in files if not any(part.startswith(".") for part in file.relative_to(root).parts)]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold()) or name


def load(version: Path, engine: EngineName | None = None) -> Classifier:
    """A version as the service loads it, with LiteRT where it has both engines."""
    manifest = contract.read(version)
    (first, *_) = manifest.engines
    return classifier.load(version, manifest, engine or first, threads=1)


def answer(model: Classifier, pictures: Sequence[LabelledFile]) -> Iterator[Answer]:
    """Decodes, prepares and classifies each picture by the code that serves."""
    for picture in pictures:
        try:
            prepared = model.prepare(decode(picture.file.read_bytes(), LIMITS))
        except (ImageFault, OSError) as fault:
            yield Answer(picture, None, None, str(fault))
            continue
        (prediction,) = model.classify([prepared])
        yield Answer(picture, prepared, prediction)


def report(answers: Sequence[Answer], labels: Sequence[str]) -> Iterator[str]:
    """Accuracy and false alarms of all, by class, and by folder where there are several."""
    yield f"{'':32} {'n':>5} {'right':>8} {'flagged as not in distribution'}"
    yield _row("all", answers)
    by_class = _grouped(answers, lambda one: f"  {labels[one.picture.label]}")
    by_folder = _grouped(answers, lambda one: f"  {one.picture.folder}")
    for title, groups in (("by class", by_class), ("by folder", by_folder if len(by_folder) > 1 else {})):
        if groups:
            yield title
            yield from (_row(name, group) for name, group in groups.items())
    yield from (f"cannot be read: {one.picture.file}: {one.fault}" for one in answers if one.fault)


def report_flagged(answers: Sequence[Answer]) -> Iterator[str]:
    """The part that is flagged, of all and by folder; what cannot be read is left out."""
    read = [one for one in answers if not one.fault]
    groups = {"all": read, **_grouped(read, lambda one: f"  {one.picture.folder}")}
    for name, group in groups.items():
        if group:
            yield f"{name:32} {len(group):5} {sum(one.flagged for one in group) / len(group):8.1%} flagged"


def _grouped(answers: Sequence[Answer], key: Callable[[Answer], str]) -> Mapping[str, list[Answer]]:
    groups: dict[str, list[Answer]] = {}
    for one in answers:
        groups.setdefault(key(one), []).append(one)
    return groups


def _row(name: str, group: Sequence[Answer]) -> str:
    right, flagged = (sum(part) / len(group) for part in zip(*((one.right, one.flagged) for one in group), strict=True))
    return f"{name:32} {len(group):5} {right:8.1%} {flagged:8.1%}"


def write_mistakes(answers: Sequence[Answer], labels: Sequence[str], path: Path) -> int:
    """Writes a PNG of the wrongly named pictures, the most confident mistakes first; returns how many there are.

    Each is shown as it was sent, with what the model saw of it on the right.
    """
    mistakes = sorted((one for one in answers if one.prediction and not one.right), key=lambda one: -one.confidence)
    shown = mistakes[:_MAX_SHOWN]
    width, height = 2 * _SIDE + 2 * _MARGIN, _SIDE + _TEXT + _MARGIN
    sheet = Image.new("RGB", (_COLUMNS * width, max(1, -(-len(shown) // _COLUMNS)) * height), "white")
    for index, one in enumerate(shown):
        sheet.paste(_panel(one, labels, (width, height)), (index % _COLUMNS * width, index // _COLUMNS * height))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.new_file(path) as part:
        sheet.save(part, "PNG")
    return len(mistakes)


def _panel(one: Answer, labels: Sequence[str], size: tuple[int, int]) -> Image.Image:
    assert one.prediction is not None and one.prepared is not None
    panel = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(panel)
    text = f"{labels[one.picture.label]}: {labels[one.prediction.label_index]} {one.confidence:.0%}"
    draw.text((0, 0), text + (" (flagged)" if one.flagged else ""), fill="black")
    draw.text((0, _TEXT // 2), one.picture.file.name[:40], fill="grey")
    # Decoded as the service does, so that the sheet shows what was answered.
    sent = decode(one.picture.file.read_bytes(), LIMITS).image.convert("RGB")
    panel.paste(ImageOps.contain(sent, (_SIDE, _SIDE)), (0, _TEXT))
    seen = Image.fromarray(one.prepared.array.squeeze()).convert("RGB")
    panel.paste(seen.resize((_SIDE, _SIDE), Image.Resampling.NEAREST), (_SIDE + _MARGIN // 2, _TEXT))
    return panel
