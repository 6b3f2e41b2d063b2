"""What digits and garments have in common: one subject, grey, light on a black ground."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from service.images import square
from service.images.decode import Picture
from service.images.steps import Step

# Of 255: a ground at least this light is paper or a studio's white, so the subject is negated.
_LIGHT_GROUND = 128


def light_on_black(picture: Picture, shape: tuple[int, int, int]) -> tuple[NDArray[np.uint8], tuple[Step, ...]]:
    """The picture as uint8 `[height, width, 1]` and every decision taken on the way."""
    height, width, _ = shape
    image, steps = picture.image, list(picture.steps)
    if image.mode != "L":
        image = image.convert("L")
        steps.append(Step("grey", "colours turned to grey"))
    ground = int(np.median(square.border(image)))
    if image.size == (width, height) and ground < _LIGHT_GROUND:
        return square.as_array(image), (*steps, Step("untouched", "already in the form of the data set"))
    return _prepared(image, width, height, ground, steps)


def _prepared(
    image: Image.Image, width: int, height: int, ground: int, steps: list[Step]
) -> tuple[NDArray[np.uint8], tuple[Step, ...]]:
    if ground >= _LIGHT_GROUND:
        image, ground = ImageOps.invert(image), 255 - ground
        steps.append(Step("inverted", "light ground, so dark and light were swapped"))
    if image.size != (width, height):
        steps.append(Step("fitted", f"fitted from {image.width}×{image.height} into {width}×{height}, antialiased"))
        image = square.fit(image, width, height, ground)
    return square.as_array(image), tuple(steps)
