"""A piece of clothing, as in Fashion-MNIST: light on black."""

from service.images import grey_subject
from service.images.decode import Picture
from service.images.kinds import Prepared


def prepare(picture: Picture, shape: tuple[int, int, int]) -> Prepared:
    """Fits the picture into the frame, negated if its ground is light; one in the data set's form passes untouched."""
    return Prepared(*grey_subject.light_on_black(picture, shape))
