"""A photograph, as in CIFAR-10: the whole picture in colour."""

from service.images import square
from service.images.decode import Picture
from service.images.kinds import Prepared
from service.images.steps import Step


def prepare(picture: Picture, shape: tuple[int, int, int]) -> Prepared:
    """The middle square of the picture, antialiased; a picture of the exact size passes untouched."""
    height, width, channels = shape
    image, steps = picture.image, list(picture.steps)
    mode = "RGB" if channels == 3 else "L"
    if image.mode != mode:
        image = image.convert(mode)
        steps.append(Step("converted", f"converted to {'colour' if channels == 3 else 'grey'}"))
    if image.size == (width, height):
        return Prepared(square.as_array(image), (*steps, Step("untouched", "already in the form of the data set")))
    if image.width * height != image.height * width:
        steps.append(Step("cropped", f"cut from {image.width}×{image.height} to the middle {width}:{height}"))
    steps.append(Step("resized", f"reduced to {width}×{height}, antialiased"))
    return Prepared(square.as_array(square.fill(image, width, height)), tuple(steps))
