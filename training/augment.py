"""Changes to training pictures, drawn afresh each time one is seen.

NumPy's arrays and random numbers on the host, JAX's within what is compiled for a device: the code is the same.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.augmentations import camera, geometry, ground, stroke
from training.augmentations.draws import Draws
from training.dataset import UInt8
from training.recipe import Augmentation


def augment(images: UInt8, how: Augmentation, mirrored: NDArray[np.bool_], random: Draws) -> UInt8:
    """A changed copy of a batch uint8 `[N, H, W, C]`; the same generator state gives the same pictures.

    `mirrored` `[N]` says which pictures have left and right swapped, where the recipe mirrors at all. The order is that
    in which pictures come about: the subject, where it lies, how it is framed, what camera and file do to it.
    """
    if how.mirror:
        xp = images.__array_namespace__()
        images = xp.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    images = _in_part(images, how.stroke, stroke.redrawn, random)
    images = _in_part(images, how.warped, lambda part, draw: geometry.warped(part, how, draw), random)
    images = _in_part(images, how.ground, ground.laid, random)
    if how.shift_pixels:
        images = geometry.shifted(images, how, random)
    images = _in_part(images, how.light, camera.lit, random)
    images = _in_part(images, how.blur, camera.blurred, random)
    images = _in_part(images, how.noise, camera.noisy, random)
    images = _in_part(images, how.jpeg, camera.compressed, random)
    if how.cutout_pixels:
        images = geometry.cut_out(images, how.cutout_pixels, random)
    return images


def _in_part(images: UInt8, part: float, change: Callable[[UInt8, Draws], UInt8], random: Draws) -> UInt8:
    """Each picture changed with a probability of `part`."""
    if not part:
        return images
    chosen = random.random(len(images)) < part
    if not isinstance(images, np.ndarray):
        # What is compiled has no shape that depends on chance: all are changed, and some taken.
        xp = images.__array_namespace__()
        return xp.where(chosen[:, None, None, None], change(images, random), images)
    changed = images.copy()
    if chosen.any():
        changed[chosen] = change(images[chosen], random)
    return changed
