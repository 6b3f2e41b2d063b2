"""A digit, as in MNIST: light ink on black."""

from service.images import grey_subject
from service.images.decode import Picture
from service.images.kinds import Prepared


def prepare(picture: Picture, shape: tuple[int, int, int]) -> Prepared:
    """Fits the picture into the frame and has its ink light on black; a picture in MNIST's form passes untouched."""
    return Prepared(*grey_subject.light_on_black(picture, shape))
