"""The file formats data sets are handed around in, each read into arrays."""

import gzip
import struct
import tarfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from service.manifest import InputSpec
from training.dataset import Source, Split, Splits, as_split, joined

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
            *train, test = (_cifar_batch(archive, name) for name in (*_CIFAR_BATCHES, "test_batch.bin"))
        return Splits(joined(*train), test)

    return Source((file,), read)


def _cifar_batch(archive: tarfile.TarFile, name: str) -> Split:
    member = archive.extractfile(f"cifar-10-batches-bin/{name}")
    if member is None:
        raise ValueError(f"{name} is not a file")
    records = np.frombuffer(member.read(), np.uint8).reshape(-1, 3073)
    return Split(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), records[:, 0].copy())
