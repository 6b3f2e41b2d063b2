"""Which pictures come when, and batches of them made on the host."""

from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from training import objective
from training.augment import augment
from training.dataset import Split, UInt8
from training.recipe import Recipe
from training.spread import Share


class Order(NamedTuple):
    """One epoch's: the pictures by their places in the split, and which of the split's have left and right swapped."""

    places: NDArray[np.int64]
    mirrored: NDArray[np.bool_]


def order(pictures: int, seed: int, epoch: int) -> Order:
    """What seed and epoch, counted from 0, alone decide."""
    places = np.random.default_rng((seed, epoch)).permutation(pictures)
    return Order(places, (np.random.default_rng(seed).random(pictures) < 0.5) ^ (epoch % 2 == 1))


class Batches(keras.utils.PyDataset):
    """One epoch of augmented batches; order and augmentation depend on seed, epoch and batch number alone."""

    def __init__(self, split: Split, classes: int, recipe: Recipe, seed: int, epoch: int, share: Share) -> None:
        # More than one: then batches are made beside the steps, in threads, and still come in their order.
        super().__init__(workers=2)
        self._split, self._recipe, self._key, self._share = split, recipe, (seed, epoch), share
        self._augmentation = recipe.phase(epoch).augmentation
        self._order = order(len(split.labels), seed, epoch)
        self._classes = classes

    def __len__(self) -> int:
        whole, rest = divmod(len(self._order.places), self._recipe.batch_size)
        # A rest too small for a picture on each device would be an empty batch, whose mean is no number.
        return whole + (rest >= self._share.devices)

    def __getitem__(self, index: int) -> tuple[UInt8, NDArray[np.float32]]:
        """Images uint8 `[N, H, W, C]`; labels float32, one-hot `[N, classes]` or for squared error `[N, 1]`."""
        size = self._recipe.batch_size
        chosen = self._order.places[index * size : (index + 1) * size]
        random = np.random.default_rng((*self._key, index))
        images = augment(self._split.images[chosen], self._augmentation, self._order.mirrored[chosen], random)
        images, labels = self._own(images), self._own(self._split.labels[chosen])
        return images, objective.targets(self._recipe, labels, self._classes)

    def _own(self, batch: UInt8) -> UInt8:
        """The share of this process in a batch; a rest that does not divide by all devices is left out."""
        process, processes, devices = self._share
        return batch[: len(batch) // devices * devices][process::processes]
