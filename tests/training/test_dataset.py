"""Data sets are found, read from every format they come in, and checked before anything is trained on them."""

import gzip
import io
import struct
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.manifest import InputSpec
from tests.tiny.datasets import tiny
from training import dataset, formats
from training import inspect as inspection
from training.dataset import DataFault, DataSet, Split, Splits

GREY = InputSpec(height=28, width=28, channels=1)
COLOUR = InputSpec(height=32, width=32, channels=3)


def random_splits(spec: InputSpec, train: int = 40, test: int = 20) -> Splits:
    random = np.random.default_rng(3)

    def split(count: int) -> Split:
        images = random.integers(0, 256, (count, *spec.shape), dtype=np.uint8)
        return Split(images, (np.arange(count) % 10).astype(np.uint8))

    return Splits(split(train), split(test))


def same(one: Splits, other: Splits) -> bool:
    return dataset.digest(one) == dataset.digest(other) and one.train.images.shape == other.train.images.shape


def write_idx(path: Path, array: np.ndarray) -> None:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))


@pytest.mark.parametrize("labels_as_column", [False, True])
def test_npz_is_read_with_flat_or_column_labels(tmp_path: Path, labels_as_column: bool) -> None:
    splits = random_splits(COLOUR)
    (x_train, y_train), (x_test, y_test) = splits
    labels = [y[:, None].astype(np.int64) if labels_as_column else y for y in (y_train, y_test)]
    np.savez(tmp_path / "c.npz", x_train=x_train, y_train=labels[0], x_test=x_test, y_test=labels[1])
    assert same(formats.npz("c", COLOUR).read(tmp_path), splits)


def test_the_original_idx_files_are_read(tmp_path: Path) -> None:
    splits = random_splits(GREY)
    for name, split in (("train", splits.train), ("t10k", splits.test)):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", split.images[..., 0])
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", split.labels)
    assert same(formats.idx(GREY).read(tmp_path), splits)


def test_the_cifar_archive_is_read(tmp_path: Path) -> None:
    splits = random_splits(COLOUR, train=50)

    def records(split: Split) -> bytes:
        planes = split.images.transpose(0, 3, 1, 2).reshape(len(split.labels), -1)
        return np.concatenate([split.labels[:, None], planes], axis=1).astype(np.uint8).tobytes()

    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        parts = {f"data_batch_{n}.bin": Split(*(a[10 * (n - 1) : 10 * n] for a in splits.train)) for n in range(1, 6)}
        for name, split in {**parts, "test_batch.bin": splits.test}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(records(split))
            archive.addfile(member, io.BytesIO(records(split)))
    assert same(formats.cifar_binary().read(tmp_path), splits)


def test_what_is_not_an_idx_file_is_told() -> None:
    with pytest.raises(ValueError, match="IDX"):
        formats.read_idx(_gzipped(b"\x08\x03\x00\x00" + b"\0" * 100))


def _gzipped(data: bytes) -> io.BytesIO:
    return io.BytesIO(gzip.compress(data))


@pytest.mark.parametrize("name", sorted(dataset.all_data_sets()))
def test_the_real_data_is_the_original_release(name: str, data_dir: Path) -> None:
    found = dataset.find(name)
    # The folder holds what Keras downloads; a data set from elsewhere need not be there.
    if not found.keras_name and not any((data_dir / file).exists() for one in found.sources for file in one.files):
        pytest.skip(f"{data_dir} has no {name}")
    splits = dataset.load(found, data_dir)
    assert len(splits.train.labels) == found.train_images
    assert inspection.nearest_mean_accuracy(splits) > 0.25


def test_a_folder_without_the_data_says_which_files_to_put_there(tmp_path: Path) -> None:
    with pytest.raises(DataFault) as caught:
        dataset.load(dataset.find("mnist"), tmp_path)
    for file in ("mnist.npz", "train-images-idx3-ubyte.gz"):
        assert file in str(caught.value)


def test_without_network_and_cache_the_fault_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    def offline() -> None:
        raise Exception("URL fetch failure: no route to host")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", offline)
    with pytest.raises(DataFault, match=r"pass --data-dir FOLDER:\n  mnist\.npz"):
        dataset.load(dataset.find("mnist"), None)


def test_a_data_set_that_keras_does_not_have_says_which_files_to_get() -> None:
    found = replace(dataset.find("mnist"), name="five_digits", keras_name="")
    with pytest.raises(DataFault, match=r"five_digits is none that Keras .*\n.*--data-dir FOLDER:\n  mnist\.npz"):
        dataset.load(found, None)


def test_the_keras_cache_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    (x_train, y_train), (x_test, y_test) = splits = random_splits(GREY)
    monkeypatch.setattr(
        keras.datasets.mnist, "load_data", lambda: ((x_train[..., 0], y_train), (x_test[..., 0], y_test))
    )
    monkeypatch.setattr(dataset, "check", lambda *_: None)
    assert same(dataset.load(dataset.find("mnist"), None), splits)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    tiny.write(tmp_path)
    whole = (tmp_path / "tiny.npz").read_bytes()
    for damaged in (b"not a zip archive", b"", whole[:1000], whole[:-100]):
        (tmp_path / "tiny.npz").write_bytes(damaged)
        with pytest.raises(DataFault, match=r"tiny\.npz cannot be read, download it again"):
            dataset.load(tiny.DATA_SET, tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "content"),
    [
        ("cifar10", "cifar-10-binary.tar.gz", b"junk"),
        ("fashion_mnist", "train-images-idx3-ubyte.gz", gzip.compress(b"\0\0", mtime=0)),
        ("fashion_mnist", "train-images-idx3-ubyte.gz", gzip.compress(b"\0\0", mtime=0)[:-6]),
    ],
)
def test_a_damaged_file_of_any_format_is_told_as_such(tmp_path: Path, name: str, file: str, content: bytes) -> None:
    found = dataset.find(name)
    (source,) = [source for source in found.sources if file in source.files]
    for wanted in source.files:
        (tmp_path / wanted).write_bytes(content)
    with pytest.raises(DataFault, match="cannot be read, download it again"):
        dataset.load(found, tmp_path)


def test_changed_pixels_are_noticed(tmp_path: Path) -> None:
    splits = tiny.make()
    splits.test.images[0, 0, 0] += 1
    with pytest.raises(DataFault, match="not the original release"):
        dataset.check(tiny.DATA_SET, splits)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda s: s._replace(images=s.images[:-1]), "expected"),
        (lambda s: s._replace(labels=s.labels[:-1]), "expected"),
        (lambda s: s._replace(images=s.images[:, :10]), "expected"),
        (lambda s: s._replace(labels=s.labels + 1), "0 to 3"),
        (lambda s: s._replace(labels=s.labels * 0), "each at least once"),
        (lambda s: s._replace(images=s.images / 255), "uint8"),
    ],
)
def test_wrong_arrays_are_told_apart(change: object, fault: str) -> None:
    splits = tiny.make()
    with pytest.raises(DataFault, match=fault):
        dataset.check(tiny.DATA_SET, splits._replace(train=change(splits.train)))  # type: ignore[operator]


def test_held_out_images_are_the_last_ones_and_no_others() -> None:
    splits = tiny.make()
    train, validation = splits.hold_out(100)
    assert np.array_equal(np.concatenate([train.images, validation.images]), splits.train.images)
    assert len(validation.labels) == 100
    with pytest.raises(DataFault):
        splits.hold_out(tiny.TRAIN)


def test_values_that_are_no_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="0 to 255"):
        dataset.as_split(GREY, np.full((1, 28, 28), 256), np.zeros(1))


def test_inspection_counts_labels_and_sees_shuffled_ones(tmp_path: Path) -> None:
    splits = tiny.make()
    lines = list(inspection.report(tiny.DATA_SET, splits))
    assert sum("200" in line for line in lines) >= 4 and "train: 800 images" in lines[1]
    assert inspection.nearest_mean_accuracy(splits) > 0.95
    shuffled = splits._replace(
        train=splits.train._replace(labels=np.random.default_rng(1).permutation(splits.train.labels))
    )
    assert inspection.nearest_mean_accuracy(shuffled) < 0.6
    inspection.write_samples(tiny.DATA_SET, splits.train, tmp_path / "grids" / "tiny.png")
    assert (tmp_path / "grids" / "tiny.png").read_bytes().startswith(b"\x89PNG")


def test_every_data_set_states_its_own_name() -> None:
    for name, found in dataset.all_data_sets().items():
        assert isinstance(found, DataSet) and found.name == name and len(set(found.labels)) == len(found.labels)
