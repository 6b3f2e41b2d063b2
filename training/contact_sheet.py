"""A picture of mistakes: each upload, and beside it what the model saw of it."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from service.images.decode import decode
from training import atomic
from training.wild import LIMITS, Judged

_SIDE, _MARGIN, _TEXT, _COLUMNS = 120, 6, 26, 5
# A sheet is to be looked at, not to be scrolled through for ever.
_MOST = 200


def write(judged: Sequence[Judged], labels: Sequence[str], path: Path) -> int:
    """Writes the wrongly named pictures as one PNG, the most confident mistakes first; returns how many there are."""
    mistakes = sorted((one for one in judged if one.prediction and not one.right), key=_confidence, reverse=True)
    shown = mistakes[:_MOST]
    width, height = 2 * _SIDE + 2 * _MARGIN, _SIDE + _TEXT + _MARGIN
    rows = max(1, -(-len(shown) // _COLUMNS))
    sheet = Image.new("RGB", (_COLUMNS * width, rows * height), "white")
    for index, one in enumerate(shown):
        _draw(sheet, (index % _COLUMNS * width, index // _COLUMNS * height), one, labels)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.new_file(path) as part:
        sheet.save(part, "PNG")
    return len(mistakes)


def _confidence(one: Judged) -> float:
    return float(one.prediction.probabilities.max()) if one.prediction else 0.0


def _draw(sheet: Image.Image, corner: tuple[int, int], one: Judged, labels: Sequence[str]) -> None:
    left, top = corner
    assert one.prediction is not None and one.prepared is not None
    draw = ImageDraw.Draw(sheet)
    told = f"{labels[one.picture.label]}: {labels[one.prediction.label_index]} {_confidence(one):.0%}"
    draw.text((left, top), told + (" (flagged)" if one.flagged else ""), fill="black")
    draw.text((left, top + _TEXT // 2), one.picture.file.name[:40], fill="grey")
    sheet.paste(_thumbnail(one.picture.file), (left, top + _TEXT))
    seen = Image.fromarray(one.prepared.array.squeeze()).convert("RGB")
    sheet.paste(seen.resize((_SIDE, _SIDE), Image.Resampling.NEAREST), (left + _SIDE + _MARGIN // 2, top + _TEXT))


def _thumbnail(file: Path) -> Image.Image:
    """The upload as the service reads it, so that what it shows is what was judged."""
    return ImageOps.contain(decode(file.read_bytes(), LIMITS).image.convert("RGB"), (_SIDE, _SIDE))
