"""Connected parts of a mask, found with arrays alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

# Of a part's longer side.
_ALONG_EDGE = 0.35


class Components(NamedTuple):
    """The parts of a mask that hang together, diagonally too.

    `labels` `[H, W]` holds the number of each pixel's part, from 1 on, and 0 outside; the other arrays `[parts]` their
    sizes in pixels and the boxes around them, `bottom` and `right` exclusive.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.int64]
    tops: NDArray[np.int64]
    bottoms: NDArray[np.int64]
    lefts: NDArray[np.int64]
    rights: NDArray[np.int64]

    @property
    def heights(self) -> NDArray[np.int64]:
        """Of the boxes, in pixels."""
        return self.bottoms - self.tops

    @property
    def widths(self) -> NDArray[np.int64]:
        """Of the boxes, in pixels."""
        return self.rights - self.lefts

    @property
    def sides(self) -> NDArray[np.int64]:
        """The longer side of each box, in pixels."""
        return np.maximum(self.heights, self.widths)

    def only(self, chosen: NDArray[np.bool_]) -> Mask:
        """The mask of the parts `chosen` `[parts]`."""
        return np.asarray(np.concatenate([[False], chosen]).take(self.labels))


def find(mask: Mask) -> Components:
    """The parts of a mask `[H, W]`; each row is cut into runs, and runs that touch are given one number."""
    height, width = mask.shape
    rows, starts, ends = runs(mask)
    numbers = _numbered(len(rows), *_touching(rows, starts, ends, width + 2))
    parts = int(numbers.max(initial=-1)) + 1
    labels = np.zeros(mask.shape, np.int32)
    labels[mask] = np.repeat(numbers + 1, ends - starts)
    tops, bottoms = np.full(parts, height), np.zeros(parts, np.int64)
    lefts, rights = np.full(parts, width), np.zeros(parts, np.int64)
    np.minimum.at(tops, numbers, rows)
    np.maximum.at(bottoms, numbers, rows + 1)
    np.minimum.at(lefts, numbers, starts)
    np.maximum.at(rights, numbers, ends)
    return Components(labels, np.bincount(labels.ravel(), minlength=1)[1:], tops, bottoms, lefts, rights)


def runs(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each run in the rows of a mask `[H, W]`, in their order, the row, the start and the exclusive end."""
    height, width = mask.shape
    # Between rows lie pixels that belong to none, so that starts and ends take turns in one long line.
    line = np.zeros((height, width + 2), bool)
    line[:, 1:-1] = mask
    changes = np.flatnonzero(line.ravel()[1:] != line.ravel()[:-1])
    rows, starts = np.divmod(changes[::2], width + 2)
    return rows, starts, changes[1::2] - rows * (width + 2)


def _touching(
    rows: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64], stride: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of runs, the second one row below the first, that touch."""
    first, last = rows * stride + starts, rows * stride + ends
    lowest = np.searchsorted(last, first + stride, "left")
    highest = np.searchsorted(first, last + stride, "right")
    counts = np.maximum(highest - lowest, 0)
    above = np.repeat(np.arange(len(rows)), counts)
    # 0, 1, … within each run's group, from the place of its first neighbour on.
    below = np.arange(len(above)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(lowest, counts)
    return above, below


def _numbered(runs: int, above: NDArray[np.int64], below: NDArray[np.int64]) -> NDArray[np.int64]:
    """The parts 0, 1, … that runs belong to: each takes the least number it can reach."""
    least = np.arange(runs)
    while True:
        before = least.copy()
        reached = np.minimum(least[above], least[below])
        # Not only the runs themselves: also those that they already point to, which halves the way each time.
        for ends in (above, below):
            np.minimum.at(least, before[ends], reached)
            np.minimum.at(least, ends, reached)
        least = least[least]
        if (least == before).all():
            return np.unique(least, return_inverse=True)[1].reshape(-1)


def along_edge(parts: Components) -> NDArray[np.bool_]:
    """Which parts lie along an edge of the picture, as shadows and tables do; a stroke only ends there."""
    labels, sides = parts.labels, parts.sides
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    contacts = np.stack([np.bincount(edge, minlength=len(sides) + 1)[1:] for edge in edges])
    return np.asarray(contacts.max(axis=0) >= np.maximum(_ALONG_EDGE * sides, 2))


def filled(mask: Mask) -> Mask:
    """The mask `[H, W]` with its holes."""
    outside = find(np.pad(~mask, 1, constant_values=True))
    return np.asarray(outside.labels != outside.labels[0, 0])[1:-1, 1:-1]


def box(mask: Mask) -> tuple[slice, slice]:
    """The rows and columns that a mask covers; all of them where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(None), slice(None)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
