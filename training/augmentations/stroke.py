"""What wrote: a felt pen or a thin pencil."""

import numpy as np

from training.augmentations.draws import Draws
from training.dataset import UInt8


def redrawn(images: UInt8, random: Draws) -> UInt8:
    """Bright strokes on black made thicker or thinner, by up to a pixel or half a pixel on each side."""
    xp = images.__array_namespace__()
    padded = xp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = images.shape[1:3]
    # A pixel and its four neighbours: over the eight, corners would grow square.
    moves = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    neighbours = xp.stack([padded[:, row : row + height, column : column + width] for row, column in moves])
    amount = random.uniform(-0.5, 1, (len(images), 1, 1, 1)).astype(np.float32)
    other = xp.where(amount > 0, neighbours.max(axis=0), neighbours.min(axis=0))
    return xp.rint(images + xp.abs(amount) * (other.astype(np.float32) - images)).astype(np.uint8)
