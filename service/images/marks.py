"""Which marks on a paper are the digit, and which are lines, frames and dust."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.images import components
from service.images.components import Components, Mask
from service.images.steps import Step

# Of the largest mark's area: dust and crumbs are smaller.
_SPECK = 0.015
# Of the largest mark's longer side: a click beside a digit of thin strokes is smaller, and further away from it.
_DOT, _DOT_AWAY = 0.2, 0.5
# Of the picture's sides: a printed line comes nearer to both edges than the bar of a 7 that fills it, and is thin.
_LINE_END, _LINE_WIDTH = 0.03, 0.035
# Of the picture's side: where ink crosses a line, as much of it must still be seen.
_LINE_COVERED = 0.55
# Of the line's length: pieces of a line that is not quite level are longer.
_LINE_PIECE = 0.08
# Of the picture's sides: a frame spans more, and keeps out of the middle part of its own box.
_FRAME_SPAN, _FRAME_INSIDE = 0.6, (0.22, 0.78)
# Of the frame's sides: what it frames is larger, and if the frame spans less, larger still.
_FRAMED, _CLOSELY_FRAMED = 0.2, 0.25
# Of the width of a line below a digit: its height is less, and its width more of the digit's height.
_LINE_FLAT, _LINE_LONG = 0.15, 0.5
# Of the picture's longer side.
_LEAST_DIGIT = 0.06
# Of the tallest mark's height: digits written side by side are taller.
_AS_TALL = 0.6


class Found(NamedTuple):
    """The digit's own pixels, those left out as not belonging to it, and what was decided."""

    mask: Mask
    left_out: Mask
    several: bool
    steps: tuple[Step, ...]


def of_digit(mask: Mask, earlier: Found | None = None) -> Found:
    """The marks of a mask `[H, W]` that are a digit; the steps of an earlier look at the same picture are kept."""
    steps = list(earlier.steps) if earlier else []
    lines = _lines(mask) | _lines(mask.T).T
    if lines.any():
        steps.append(Step("lines", "printed lines left out"))
    # Grown: where a pen skipped, or a line crossed it, a stroke is still one.
    parts = components.find(grown(mask & ~lines))
    chosen = np.ones(len(parts.areas), bool)
    for code, text, unwanted in _RULES:
        out = chosen & unwanted(parts, chosen)
        if out.any():
            steps.append(Step(code, text))
        chosen &= ~out
    several = _several(parts, chosen)
    left_out = lines | parts.only(~chosen)
    return Found(mask & ~lines & parts.only(chosen), grown(left_out), several, tuple(dict.fromkeys(steps)))


def _specks(parts: Components, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(parts.areas < _SPECK * parts.areas[chosen].max(initial=0)) | _dots(parts, chosen)


def _dots(parts: Components, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Small parts away from the largest one; pieces of a stroke lie near it."""
    sides = parts.sides
    if not chosen.any():
        return chosen
    largest = np.where(chosen, sides, 0).argmax()
    down = np.maximum(parts.tops[largest] - parts.bottoms, parts.tops - parts.bottoms[largest])
    across = np.maximum(parts.lefts[largest] - parts.rights, parts.lefts - parts.rights[largest])
    away = np.maximum(down, across) > _DOT_AWAY * sides[largest]
    return np.asarray(away & (sides < _DOT * sides[largest]))


def _lines(mask: Mask) -> Mask:
    """The pixels of thin lines that run across nearly the whole picture, but for where ink crosses them."""
    height, width = mask.shape
    pieces = _in_runs(mask, lambda lengths: lengths >= max(3, width * _LINE_PIECE))
    thin = pieces & _in_runs(mask.T, lambda lengths: lengths <= max(2, height * _LINE_WIDTH)).T
    found = components.find(thin)
    whole = found.only((found.lefts <= width * _LINE_END) & (found.rights >= width * (1 - _LINE_END)))
    return np.asarray(whole | (thin & _in_pieces(thin)[:, None]))


def _in_pieces(thin: Mask) -> NDArray[np.bool_]:
    """The rows `[H]` in which a line lies that ink cuts into pieces."""
    width = thin.shape[1]
    band = thin.copy()
    band[1:] |= thin[:-1]
    band[:-1] |= thin[1:]
    ends = np.maximum(band.argmax(axis=1), band[:, ::-1].argmax(axis=1))
    return np.asarray((band.sum(axis=1) >= width * _LINE_COVERED) & (ends <= width * _LINE_END))


def _in_runs(mask: Mask, wanted: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> Mask:
    """The pixels of a mask whose run in their row has a length that is wanted."""
    _, starts, ends = components.runs(mask)
    lengths = ends - starts
    found = np.zeros(mask.shape, bool)
    found[mask] = np.repeat(wanted(lengths), lengths)
    return found


def _frames(parts: Components, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Parts that go around another one and keep out of the middle of their own box."""
    height, width = parts.labels.shape
    spans = (parts.heights >= _FRAME_SPAN * height) & (parts.widths >= _FRAME_SPAN * width)
    least = np.where(spans, _FRAMED, _CLOSELY_FRAMED)
    large = (parts.heights >= _LEAST_DIGIT * height) & (parts.widths >= _LEAST_DIGIT * width)
    return np.array([large[part] and _frames_another(parts, part, least[part]) for part in range(len(spans))], bool)


def _frames_another(parts: Components, part: int, least: float) -> bool:
    top, bottom, left, right = (edges[part] for edges in (parts.tops, parts.bottoms, parts.lefts, parts.rights))
    height, width = bottom - top, right - left
    low, high = _FRAME_INSIDE
    inside = parts.labels[
        top + round(height * low) : top + round(height * high), left + round(width * low) : left + round(width * high)
    ]
    within = (parts.tops > top) & (parts.bottoms < bottom) & (parts.lefts > left) & (parts.rights < right)
    tall = parts.heights >= least * height
    return bool((within & tall).any()) and not (inside == part + 1).any()


def _edges(parts: Components, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Parts that lie along the picture's edge, if there is another one that could be the digit."""
    along = components.along_edge(parts)
    sides = parts.sides
    others = sides[chosen & ~along].max(initial=0)
    return along & bool(others >= _LEAST_DIGIT * max(parts.labels.shape))


def _underlines(parts: Components, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Flat parts below all others."""
    flat = chosen & (parts.heights <= _LINE_FLAT * parts.widths)
    others = chosen & ~flat
    if not others.any():
        return others
    top, bottom = parts.tops[others].min(), parts.bottoms[others].max()
    return np.asarray(flat & (parts.tops >= bottom) & (parts.widths >= _LINE_LONG * (bottom - top)))


# In their order; each knows what the ones before it left.
_RULES: tuple[tuple[str, str, Callable[[Components, NDArray[np.bool_]], NDArray[np.bool_]]], ...] = (
    ("frame", "a frame around the digit left out", _frames),
    ("edge", "a shadow or an object at the edge of the picture left out", _edges),
    ("specks", "specks left out", _specks),
    ("underline", "a line below the digit left out", _underlines),
)


def _several(parts: Components, chosen: NDArray[np.bool_]) -> bool:
    """Whether marks of about one height stand side by side."""
    heights = parts.heights
    tall = np.flatnonzero(chosen & (heights >= _AS_TALL * heights[chosen].max(initial=1)))
    order = tall[np.argsort(parts.lefts[tall])]
    return bool((parts.lefts[order][1:] >= np.maximum.accumulate(parts.rights[order])[:-1]).any())


def grown(mask: Mask) -> Mask:
    """The mask and the pixels beside it: where ink fades into paper."""
    tall = mask.copy()
    tall[1:] |= mask[:-1]
    tall[:-1] |= mask[1:]
    wide = tall.copy()
    wide[:, 1:] |= tall[:, :-1]
    wide[:, :-1] |= tall[:, 1:]
    return wide
