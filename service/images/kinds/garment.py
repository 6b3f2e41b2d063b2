"""A piece of clothing, as in Fashion-MNIST: alone on black, light where it is dark, as large as fits."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from service.images import components, cutout, square
from service.images.decode import Picture
from service.images.kinds import BLANK, Prepared
from service.images.steps import Step

# Of 255: a ground at least this light is paper or a studio's white, so the subject is negated.
_LIGHT_GROUND = 128
# Of 255: nine in ten garments of the data set have 5 % of their pixels above this.
_LIGHTEST, _MOST_STRETCH = 180.0, 4.0
# Of the rim's pixels that must have one colour for the ground to be plain.
_PLAIN = 0.9
_INDISTINCT = Step("ground_kept", "the garment could not be told from what lies behind it; a plain ground helps")


class Subject(NamedTuple):
    """A garment in grey and how much of each pixel it covers, 0 to 1, both `[H, W]` and cut to its box."""

    grey: NDArray[np.float32]
    cover: NDArray[np.float32]
    steps: tuple[Step, ...]
    warnings: tuple[Step, ...] = ()


def prepare(picture: Picture, shape: tuple[int, int, int]) -> Prepared:
    """The garment alone on black, fitted as the data set's authors did; a picture in its form passes untouched."""
    height, width, _ = shape
    image = picture.image
    if image.mode == "L" and image.size == (width, height) and np.median(square.border(image)) < _LIGHT_GROUND:
        array = square.as_array(image)
        return Prepared(array, (*picture.steps, Step("untouched", "already in the form of the data set")))
    if square.is_blank(image):
        return Prepared(np.zeros((height, width, 1), np.uint8), picture.steps, (BLANK,), subject=False)
    subject = _subject(image)
    array = _fitted(subject, height, width)
    return Prepared(array[:, :, None], (*picture.steps, *subject.steps), subject.warnings)


def _subject(image: Image.Image) -> Subject:
    ground = square.plain_ground(image, _PLAIN)
    return _on_plain(image, ground) if ground is not None else _cut_out(image)


def _on_plain(image: Image.Image, ground: NDArray[np.float32]) -> Subject:
    differs = square.differing(image, ground)
    grey = np.asarray(image.convert("L"), np.float32)
    level = float(np.median(grey[~differs])) if not differs.all() else float(grey.mean())
    lighter = bool(np.median(grey[differs]) > level) if differs.any() else False
    if lighter:
        grey, step = 255 * (grey - level) / (255 - level), Step("dark_ground", "darker ground, so nothing was swapped")
    else:
        grey, step = 255 * (1 - grey / max(level, 1)), Step("inverted", "dark and light swapped")
    box = components.box(differs)
    cover = np.ones_like(grey)
    return Subject(np.clip(grey[box], 0, 255), cover[box], (step, Step("trimmed", "a plain ground trimmed")))


def _cut_out(image: Image.Image) -> Subject:
    mask = cutout.subject(image.convert("RGB"))
    grey = 255 - np.asarray(image.convert("L"), np.float32)
    if mask is None:
        return Subject(grey, np.ones_like(grey), (Step("inverted", "dark and light swapped"),), (_INDISTINCT,))
    cover = np.asarray(Image.fromarray(mask.astype(np.float32)).resize(image.size, Image.Resampling.BILINEAR))
    box = components.box(cover > 0.5)
    return Subject(grey[box], cover[box], (Step("cut_out", "cut out of its ground, and dark and light swapped"),))


def _fitted(subject: Subject, height: int, width: int) -> NDArray[np.uint8]:
    """Antialiased to the frame, aspect kept, in the middle, and sharpened as the data set is."""
    layer = Image.fromarray(np.rint(_brightened(subject) * subject.cover).astype(np.uint8))
    fitted = square.fit(layer, width, height, 0)
    return np.asarray(fitted.filter(ImageFilter.UnsharpMask(radius=1, percent=60, threshold=0)))


def _brightened(subject: Subject) -> NDArray[np.float32]:
    """A light garment is dark once negated: stretched until its lightest parts are as light as in the data set."""
    own = subject.grey[(subject.cover > 0.5) & (subject.grey > square.SAME_COLOUR)]
    lightest = float(np.percentile(own, 95)) if own.size else _LIGHTEST
    factor = min(max(_LIGHTEST / max(lightest, 1), 1), _MOST_STRETCH)
    return np.asarray(np.minimum(subject.grey * factor, 255))
