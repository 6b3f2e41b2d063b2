"""Cutting a subject out of a cluttered ground: colours of the rim against colours of the middle."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.images import components, ground
from service.images.components import Mask

Floats = NDArray[np.float32]

# Longest side of the picture on which it is cut.
_SIDE_PX = 80
# Below it there is no rim and no middle.
_LEAST_SIDE_PX = 12
# Of the sides: what lies this near to an edge is ground to begin with.
_RIM = 0.06
_COLOURS, _STEPS, _ROUNDS = 5, 5, 4
# Pixels that a palette is made from, at least, where there are as many.
_SAMPLE = 800
# Of a colour in a photograph, in steps of CIELAB's lightness × 2.55.
_LEAST_DEVIATION = 4.0
# Of the picture: a subject is neither less nor more.
_LEAST, _MOST = 0.06, 0.9
# By how much the two parts must differ in how well each palette fits them: noise and stripes give 0, wood 4, garments
# on the floor 8 and more.
_LEAST_APART = 6.0
# How much more likely the middle is to be subject than a corner, as a difference of squared deviations.
_MIDDLE = 3.0
# Of half the sides, from the middle: there a pixel is as likely subject as ground, to begin with. Of clothes made to
# lie somewhere, 64 % are named at 0.75, 72 % at 0.55, 74 % at 0.45, where uploads begin to be lost.
_MIDDLE_ENDS = 0.55
# Against lightness, which folds and shadows change.
_COLOUR_WEIGHT = 1.6
# By how much the colour of one pixel may speak for either part, against its neighbours.
_MOST_GAIN = 12


class Palette(NamedTuple):
    """Colours `[K, 3]` and how much each one varies, `[K]`."""

    colours: Floats
    deviations: Floats
    weights: Floats

    def distance(self, pixels: Floats) -> Floats:
        """Of each pixel `[N, 3]` minus twice the log-likelihood, up to a constant."""
        squared = _squared_distances(pixels, self.colours) / self.deviations**2
        return np.asarray((squared + 6 * np.log(self.deviations) - 2 * np.log(self.weights)).min(axis=1), np.float32)


def subject(image: Image.Image) -> Mask | None:
    """Where the subject is, `[h, w]` of a smaller copy of an RGB picture; None if it cannot be told from the ground.

    A simple GrabCut (Rother et al. 2004): two palettes, refitted to the parts they claim.
    """
    small = image.copy()
    small.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)
    if min(small.size) < _LEAST_SIDE_PX:
        return None
    width, height = small.size
    pixels = _colours(small)
    rim = _rim(height, width)
    prior = _prior(height, width)
    inside = (prior > 0) & ~rim
    for _ in range(_ROUNDS):
        behind, own = _palette(pixels[~inside.ravel()]), _palette(pixels[inside.ravel()])
        gain = (behind.distance(pixels) - own.distance(pixels)).reshape(height, width)
        likely = ground.smoothed(ground.smoothed(np.clip(gain, -_MOST_GAIN, _MOST_GAIN) + prior))
        inside = _whole(likely > 0)
        if not _LEAST <= inside.mean() <= _MOST:
            return None
    apart = float(gain[inside].mean() - gain[~inside].mean())
    return inside if apart >= _LEAST_APART else None


def _colours(image: Image.Image) -> Floats:
    """`[N, 3]`: lightness, 0 to 255, and red to green and yellow to blue, which weigh more."""
    lab = np.asarray(image.convert("LAB"), np.float32)
    # Pillow stores a and b around 128, and as two's complement.
    lab[..., 1:] = (lab[..., 1:] + 128) % 256 * _COLOUR_WEIGHT
    return lab.reshape(-1, 3)


def _rim(height: int, width: int) -> Mask:
    rim = np.ones((height, width), bool)
    down, across = max(1, round(height * _RIM)), max(1, round(width * _RIM))
    rim[down:-down, across:-across] = False
    return rim


def _prior(height: int, width: int) -> Floats:
    """Positive in the middle, negative at the edges."""
    down, across = (np.abs(np.linspace(-1, 1, side, dtype=np.float32)) for side in (height, width))
    return np.asarray(_MIDDLE * (_MIDDLE_ENDS - np.maximum(down[:, None], across)) * 2, np.float32)


def _palette(pixels: Floats) -> Palette:
    """The main colours of pixels `[N, 3]`, by k-means (Lloyd 1982) from colours spread over their lightness."""
    pixels = pixels[:: 1 + len(pixels) // _SAMPLE]
    order = np.argsort(pixels[:, 0], kind="stable")
    colours = pixels[order[np.linspace(0, len(order) - 1, 2 * _COLOURS + 1).astype(int)[1::2]]]
    for _ in range(_STEPS):
        nearest = _squared_distances(pixels, colours).argmin(axis=1)
        member = np.eye(_COLOURS, dtype=np.float32)[nearest]
        counts = member.sum(axis=0)
        means = member.T @ pixels / np.maximum(counts, 1)[:, None]
        colours = np.where(counts[:, None] > 0, means, colours)
    spread = member.T @ ((pixels - colours[nearest]) ** 2).mean(axis=1) / np.maximum(counts, 1)
    return Palette(colours, np.sqrt(spread) + _LEAST_DEVIATION, (counts + 1) / (len(pixels) + _COLOURS))


def _squared_distances(pixels: Floats, colours: Floats) -> Floats:
    """`[N, K]`."""
    products = pixels @ (-2 * colours.T)
    return np.asarray(products + (pixels**2).sum(axis=1)[:, None] + (colours**2).sum(axis=1))


def _whole(mask: Mask) -> Mask:
    """The largest part, without holes."""
    parts = components.find(mask)
    if not len(parts.areas):
        return mask
    return components.filled(parts.labels == parts.areas.argmax() + 1)
