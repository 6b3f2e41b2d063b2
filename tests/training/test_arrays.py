"""Your own arrays: a file as `keras.datasets` would give it becomes a model."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from service import manifest as contract
from service.errors import ModelFault
from tests.app import app_over
from tests.tiny.datasets import tiny as tiny_data
from training.cli import main
from training.dataset import Content, DataFault
from training.datasets import arrays

pytestmark = pytest.mark.thorough

LABELS = ("north-west", "north-east", "south-west", "south-east")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    tiny_data.write(tmp_path)
    return tmp_path / "tiny.npz"


def read(file: Path, labels: tuple[str, ...] | None = None, kind: str = "digit") -> Content:
    arrays.read.cache_clear()
    return arrays.read(str(file), labels, kind)


def change(file: Path, **changed: np.ndarray | None) -> None:
    """Writes the file anew with arrays replaced, or left out."""
    with np.load(file) as found:
        kept = {name: found[name] for name in found.files} | changed
    np.savez(file, **{name: array for name, array in kept.items() if array is not None})


def invoke(*words: str) -> Result:
    arrays.read.cache_clear()
    return CliRunner().invoke(main, words)


def test_the_last_tenth_of_a_fixed_shuffle_is_held_out(file: Path) -> None:
    content = read(file)
    assert content.labels == ("0", "1", "2", "3") and content.validation_images == 80
    assert np.bincount(content.splits.train.labels[-80:]).min() > 5
    assert all(np.array_equal(a, b) for a, b in zip(content.splits.train, read(file).splits.train, strict=True))
    assert np.array_equal(content.splits.test.images, tiny_data.make().test.images)


def test_what_is_held_out_has_its_part_of_each_class_and_one_of_a_rare_one(file: Path) -> None:
    train = tiny_data.make().train
    common, rare = np.flatnonzero(train.labels != 3), np.flatnonzero(train.labels == 3)[:2]
    chosen = np.concatenate([common, rare])
    change(file, x_train=train.images[chosen], y_train=train.labels[chosen])
    content = read(file)
    held_out = np.bincount(content.splits.train.labels[-content.validation_images :], minlength=4)
    expected = np.bincount(train.labels[common])[:3] * content.validation_images / len(chosen)
    assert held_out[3] == 1 and np.abs(held_out[:3] - expected).max() <= 1


def test_labels_of_shape_n_1_and_images_without_channels_are_taken(file: Path) -> None:
    train = tiny_data.make().train
    change(file, x_train=train.images[..., 0], y_train=train.labels[:, None].astype(np.int64))
    assert np.array_equal(np.sort(read(file).splits.train.labels), np.sort(train.labels))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"y_test": None}, "has no y_test"),
        ({"x_train": np.zeros((800, 12, 12), np.float32) + 0.5}, "not whole numbers from 0 to 255"),
        ({"x_train": np.zeros((800, 12, 12, 4), np.uint8), "x_test": np.zeros((200, 12, 12, 4), np.uint8)}, "channels"),
        ({"x_train": np.zeros((800, 144), np.uint8)}, "x_train must be"),
        ({"y_train": np.zeros(7, np.uint8)}, "a class number for each"),
        ({"x_test": np.zeros((200, 24, 24), np.uint8)}, "one shape"),
        ({"x_test": np.array([{"no": "pickles"}])}, "without pickled objects"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(file: Path, changed: dict[str, np.ndarray | None], told: str) -> None:
    change(file, **changed)
    with pytest.raises(DataFault, match=told):
        read(file)


def test_a_file_that_is_none_and_a_kind_that_is_none_are_told(tmp_path: Path, file: Path) -> None:
    with pytest.raises(DataFault, match="cannot be read"):
        read(tmp_path / "nothing.npz")
    with pytest.raises(ModelFault, match="scribble"):
        read(file, kind="scribble")


def test_a_file_becomes_a_model_that_is_served(file: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(LABELS) + "\n")
    places = ["--runs-dir", str(tmp_path / "runs"), "--models-dir", str(tmp_path / "models")]
    words = ["--images", str(file), "--name", "quarter", "--kind", "photo", "--labels", str(tmp_path / "labels.txt")]
    result = invoke("train-folder", *words, "--epochs", "2", "--publish", *places)
    assert result.exit_code == 0, result.output
    manifest = contract.read(tmp_path / "models" / "quarter" / "1")
    assert manifest.labels == LABELS and manifest.input.shape == (12, 12, 1)
    assert manifest.provenance is not None and manifest.provenance.train_images == 720
    assert "folder --images FILE.npz --name quarter" in (tmp_path / "models/quarter/1/README.md").read_text()
    assert app_over(tmp_path / "models").test_client().get("/readyz").status_code == 200


@pytest.mark.parametrize(("text", "told"), [("one\n", "names 1"), ("a\na\n", "each once")])
def test_a_list_of_labels_that_is_none_is_told(file: Path, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "labels.txt").write_text(text)
    result = invoke("train-folder", "--images", str(file), "--name", "x", "--labels", str(tmp_path / "labels.txt"))
    assert result.exit_code == 1 and told in result.output


def test_arrays_that_the_service_would_invert_are_refused(file: Path) -> None:
    with np.load(file) as found:
        change(file, x_train=255 - found["x_train"] // 4)
    result = invoke("train-folder", "--images", str(file), "--name", "x", "--kind", "digit")
    assert result.exit_code == 1 and "bright on black" in result.output


def test_changed_arrays_are_another_run_and_not_taken_for_the_old_one(file: Path, tmp_path: Path) -> None:
    words = ["train-folder", "--images", str(file), "--name", "x", "--kind", "photo", "--epochs", "1"]
    runs_dir = tmp_path / "runs"
    assert invoke(*words, "--runs-dir", str(runs_dir)).exit_code == 0
    (first,) = runs_dir.iterdir()
    train = tiny_data.make().train
    change(file, y_train=(train.labels + 1) % 4)
    refused = invoke("evaluate", str(first))
    assert refused.exit_code == 1 and "have changed since" in refused.output
    assert invoke(*words, "--runs-dir", str(runs_dir)).exit_code == 0
    assert len(list(runs_dir.iterdir())) == 2
