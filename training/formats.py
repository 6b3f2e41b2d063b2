"""The file formats data sets are handed around in, each read into arrays."""

import gzip
import json
import struct
import tarfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from service.manifest import InputSpec
from training.dataset import Source, Split, Splits, as_split

_CIFAR_BATCHES = tuple(f"data_batch_{n}.bin" for n in range(1, 6))


def npz(name: str, spec: InputSpec) -> Source:
    """`<name>.npz` in the schema of `keras.datasets`: x_train, y_train, x_test, y_test."""
    file = f"{name}.npz"

    def read(folder: Path) -> Splits:
        # Opened here: numpy leaves the file open if it is damaged.
        with (folder / file).open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return Splits(*(as_split(spec, arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")))

    return Source((file,), read)


def idx(spec: InputSpec) -> Source:
    """The four gzip files of MNIST's and Fashion-MNIST's original releases."""
    files = tuple(f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))

    def read(folder: Path) -> Splits:
        x_train, y_train, x_test, y_test = (read_idx(folder / file) for file in files)
        return Splits(as_split(spec, x_train, y_train), as_split(spec, x_test, y_test))

    return Source(files, read)


def read_idx(path: Path | IO[bytes]) -> NDArray[np.uint8]:
    """One gzipped IDX file of unsigned bytes: two zero bytes, type 8, the number of axes, their lengths, the data."""
    with gzip.open(path) as file:
        zeros, kind, axes = struct.unpack(">HBB", file.read(4))
        if zeros != 0 or kind != 8:
            raise ValueError("not an IDX file of unsigned bytes")
        shape = struct.unpack(f">{axes}I", file.read(4 * axes))
        return np.frombuffer(file.read(), np.uint8).reshape(shape)


def cifar_binary() -> Source:
    """CIFAR-10's binary archive: records of one label byte, then 3072 bytes of red, green and blue planes."""
    file = "cifar-10-binary.tar.gz"

    def read(folder: Path) -> Splits:
        with tarfile.open(folder / file) as archive:
            batches = {name: _cifar_batch(archive, name) for name in (*_CIFAR_BATCHES, "test_batch.bin")}
        train = [batches[name] for name in _CIFAR_BATCHES]
        images, labels = (np.concatenate(parts) for parts in zip(*train, strict=True))
        return Splits(Split(images, labels), batches["test_batch.bin"])

    return Source((file,), read)


def _cifar_batch(archive: tarfile.TarFile, name: str) -> Split:
    member = archive.extractfile(f"cifar-10-batches-bin/{name}")
    if member is None:
        raise ValueError(f"{name} is not a file")
    records = np.frombuffer(member.read(), np.uint8).reshape(-1, 3073)
    return Split(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), records[:, 0].copy())


def mnist_json(spec: InputSpec) -> Source:
    """`mnist.json.gz`: the lists train, validation and test, each `[images, labels]` with 784 numbers an image.

    Train and validation follow each other as in the original file, so holding out the last images of train gives
    this file's own validation list back. Numbers from 0 to 1, to 255/256 or to 255 and from -1 to 1 are understood.
    """
    file = "mnist.json.gz"

    def read(folder: Path) -> Splits:
        with gzip.open(folder / file) as stream:
            lists = json.load(stream)
        images = [_grey_levels(np.asarray(part[0], np.float32)) for part in lists]
        train, validation, test = (
            as_split(spec, x, np.asarray(part[1])) for x, part in zip(images, lists, strict=True)
        )
        joined = Split(*(np.concatenate(pair) for pair in zip(train, validation, strict=True)))
        return Splits(joined, test)

    return Source((file,), read)


def _grey_levels(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Numbers on any of those scales as whole grey levels: each list of the real data reaches full white."""
    positive = (numbers + 1) / 2 if numbers.min() < 0 else numbers
    return np.rint(positive / positive.max() * 255).astype(np.float32)
