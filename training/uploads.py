"""Training pictures as people would upload them: photographed, and prepared as the service prepares what it is sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from service import spawned
from service.cores import allotted_cores
from service.images import kinds
from service.images.decode import Picture
from training import atomic
from training.augmentations.scene import photographed
from training.dataset import DataSet, Split, UInt8

# Pictures that a process is handed at once.
_AT_ONCE = 250


class Photographer(NamedTuple):
    """What decides an upload beside the picture itself; `seed` is that of the run."""

    kind: str
    shape: tuple[int, int, int]
    seed: int

    def uploads(self, part: tuple[int, UInt8]) -> UInt8:
        """Of pictures `[N, H, W, 1]` that begin at a place in their split, what a model would see of each."""
        first, images = part
        prepare = kinds.find(self.kind)
        pictures = (
            photographed(image[..., 0], np.random.default_rng((self.seed, first + index)))
            for index, image in enumerate(images)
        )
        return np.stack([prepare(Picture(picture, ()), self.shape).array for picture in pictures])


def added(train: Split, part: float, data_set: DataSet, seed: int, file: Path) -> Split:
    """The split and after it the uploads of its first pictures, `part` of all, from the file that keeps them.

    Where there is none they are made by all cores, some 15 ms a picture and core; how many cores changes nothing.
    """
    count = round(part * len(train.labels))
    if not count:
        return train
    if not file.exists():
        made = uploads(train.images[:count], data_set, seed)
        with atomic.new_file(file) as fresh, fresh.open("wb") as opened:
            np.save(opened, made, allow_pickle=False)
    images = np.concatenate([train.images, np.load(file, allow_pickle=False)])
    return Split(images, np.concatenate([train.labels, train.labels[:count]]))


def uploads(images: UInt8, data_set: DataSet, seed: int) -> UInt8:
    """Of each picture `[N, H, W, 1]`, light on black, what a model would see of it if somebody uploaded it."""
    photographer = Photographer(data_set.kind, data_set.input.shape, seed)
    with spawned.processes(allotted_cores()) as processes:
        return np.concatenate(list(processes.map(photographer.uploads, _parts(images))))


def _parts(images: UInt8) -> Iterator[tuple[int, UInt8]]:
    return ((first, images[first : first + _AT_ONCE]) for first in range(0, len(images), _AT_ONCE))
