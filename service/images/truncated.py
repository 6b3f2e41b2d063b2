"""Files that end too early: what is there is decoded, and how much is missing is found out."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageFile

from service.errors import BrokenImage
from service.images import jpeg_segments
from service.images.deep import bands
from service.images.steps import Step

# Of the rows: with fewer decoded, the file is no picture. With a quarter missing, 74 % of 290 photos were named right,
# whole ones 86 %; with 0.4 missing 58 %.
_MIN_DECODED, _MAX_MISSING = 0.1, 0.25
# Where data are missing libjpeg leaves mid-grey, which Pillow inverts for CMYK.
_MID_GREY = frozenset({127, 128})
# Decoded as if it were the data of a scan. The first byte is zero, so that a last 0xFF becomes no marker.
_FILLER = bytes(number * 37 % 251 for number in range(251))


class Truncation(NamedTuple):
    """What is there of a picture: the share of rows that are missing, and the rows from `top` to `bottom`, exclusive.

    With none missing, the picture lacks detail.
    """

    missing: float
    top: int
    bottom: int

    @property
    def warning(self) -> Step:
        """The warning in the answer, if rows are missing."""
        lacks = (
            f"about {max(self.missing, 0.01):.0%} of the picture is missing" if self.missing else "detail is missing"
        )
        return Step("truncated", f"the file is cut off: {lacks}; is the upload complete?")

    @property
    def is_sufficient(self) -> bool:
        """Whether enough of the picture is there to classify it."""
        return self.missing <= _MAX_MISSING

    def of(self, image: Image.Image) -> Image.Image:
        """What is there of the image; raises BrokenImage if that is hardly anything."""
        if 1 - self.missing < _MIN_DECODED:
            raise BrokenImage(
                f"the file is cut off: {self.missing:.0%} of the picture is missing; is the upload complete?"
            )
        return image.crop((0, self.top, image.width, self.bottom))


def load(image: ImageFile.ImageFile) -> Truncation | None:
    """Decodes as far as the file goes; None if the picture is whole."""
    try:
        image.load()
    except OSError as error:
        if "truncated" not in str(error):
            raise
        # Pillow's list of what is still to be decoded. What has been decoded stays in the picture.
        image.tile = []
        return _written_rows(image)
    return None


def _written_rows(image: Image.Image) -> Truncation:
    """Without the rows to which nothing was written, or only what was there before."""
    transparent = image.info.get("transparency")
    background = transparent if image.format == "GIF" and isinstance(transparent, int) else 0
    written = [(band.reshape(len(band), -1) != background).any(axis=1) for band in bands(image)]
    rows = np.flatnonzero(np.concatenate(written))
    if not rows.size:
        return Truncation(1, 0, 0)
    return Truncation(1 - rows.size / image.height, int(rows[0]), int(rows[-1]) + 1)


def ends_grey(jpeg: Image.Image) -> bool:
    """Whether the last pixel of a decoded JPEG looks as if its data were missing; some sound pictures' do."""
    last = jpeg.getpixel((jpeg.width - 1, jpeg.height - 1))
    return _MID_GREY.issuperset(last if isinstance(last, tuple) else (last,))


def of_jpeg(jpeg: Image.Image, data: bytes, decoded: Callable[[bytes], Image.Image]) -> Truncation | None:
    """What is there of a decoded JPEG; None if the picture is whole.

    Found with a second decoding, of the same data with a few bytes behind them: these change a picture that is not
    complete and nothing else.
    """
    end = jpeg_segments.end_of_scans(data)
    box = ImageChops.difference(jpeg, decoded(data[:end] + _FILLER + jpeg_segments.END)).getbbox()
    if box is None:
        return None
    # The first scan holds the whole picture, if coarsely.
    bottom = jpeg.height if jpeg_segments.scans(data[:end], 1) > 1 else box[1]
    return Truncation(1 - bottom / jpeg.height, 0, bottom)
