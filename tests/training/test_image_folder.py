"""Folders of images as people have them: each is taken as it is meant, or refused with what to do.

Seen from the command line alone; a small network is trained once.
"""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from service import manifest as contract
from tests.app import app_over
from training.cli import main

pytestmark = pytest.mark.thorough


def paint(root: Path, *folders: str, count: int = 4) -> None:
    """Pictures of noise in each folder, no two the same."""
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            seed = [*folder.encode(), number]
            noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(noise).save(root / folder / f"{number}.png")


def train(root: Path, *words: str) -> Result:
    """The command on `root/images`, for one epoch."""
    given = ["train-folder", "--images", str(root / "images"), "--name", "own", "--size", "8", "--epochs", "1"]
    places = ["--publish", "--runs-dir", str(root / "runs"), "--models-dir", str(root / "models")]
    return CliRunner().invoke(main, [*given, *places, *words])


def taken(root: Path, *words: str) -> str:
    """What the command says before it trains, which it cannot: its runs would lie in a file."""
    (root / "file").touch()
    output = train(root, "--runs-dir", str(root / "file" / "runs"), *words).output
    assert "to train" in output and "epoch" not in output, output
    return output


def refused(root: Path, *words: str) -> str:
    result = train(root, *words)
    assert result.exit_code == 1 and "Traceback" not in result.output, result.output
    assert not (root / "models").exists() and "epoch" not in result.output
    return result.output


def test_splits_in_capitals_are_the_splits_and_few_images_do_not_calibrate(tmp_path: Path) -> None:
    for split, count in (("Train", 5), ("Validation", 3), ("TEST", 2)):
        paint(tmp_path / "images", f"{split}/cats", f"{split}/dogs", count=count)
    output = train(tmp_path).output
    manifest = contract.read(tmp_path / "models" / "own" / "1")
    found = manifest.provenance
    assert manifest.labels == ("cats", "dogs")
    assert found and (found.train_images, found.validation_images, found.test_images) == (10, 6, 4)
    assert "Train/ is the train split; Validation/ is the validation split; TEST/ is the test split" in output
    assert manifest.temperature == 1 and manifest.calibration_images == 0
    assert "calibration: not fitted, fewer than 30 images" in output and "of 4 images (95 % interval" in output
    card = (tmp_path / "models" / "own" / "1" / "README.md").read_text()
    assert "not fitted, fewer than 30 images" in card and "of 4 images (95 % interval" in card
    described = app_over(tmp_path / "models").test_client().get("/models/own").get_json()
    assert described["temperature"] == 1 and described["calibration_images"] == 0
    assert described["metrics"]["litert"]["validation_images"] == 6
    assert described["metrics"]["litert"]["weights"] == "float32"


def test_an_unpacked_archive_with_leftovers_and_no_validation_split_is_understood(tmp_path: Path) -> None:
    inner = tmp_path / "images" / "archive" / "dataset"
    paint(inner, "training_set/training_set/cats", "training_set/training_set/dogs", count=4)
    paint(inner, "test_set/test_set/cats", "test_set/test_set/dogs", count=2)
    paint(tmp_path / "images", "__MACOSX/dataset", ".git/objects")
    paint(inner, "training_set/training_set/cats/.ipynb_checkpoints", "training_set/training_set/.ipynb_checkpoints")
    (inner / "training_set" / "training_set" / "dogs" / "Thumbs.db").write_bytes(b"no picture")
    (inner / "README.txt").write_text("cats and dogs")
    output = taken(tmp_path)
    assert "2 classes: cats, dogs\nimages: 6 to train, 2 to validate, 4 to test" in output
    assert f"taken from {inner}" in output and "test_set/ is the test split" in output
    assert "the validation split is taken from training_set/" in output


def test_a_validation_split_alone_tests(tmp_path: Path) -> None:
    paint(tmp_path / "images", "fruit_train/pear", "fruit_train/plum", count=5)
    paint(tmp_path / "images", "fruit_val/pear", "fruit_val/plum", "samples", count=3)
    output = taken(tmp_path)
    assert "2 classes: pear, plum\nimages: 8 to train, 2 to validate, 6 to test" in output
    assert "fruit_val/ is the test split" in output and "not used, for it is of no class: samples" in output


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    paint(tmp_path / "images", "train", "bus", "car/red", "car/blue")
    paint(tmp_path / "images", ".")
    output = taken(tmp_path)
    assert "3 classes: bus, car, train\nimages: 10 to train, 3 to validate, 3 to test" in output
    assert "class 'car' is all that its folders hold: blue, red" in output
    assert "not used, for it is of no class: 0.png, 1.png, 2.png, 3.png" in output


def test_files_that_cannot_be_read_are_left_out_before_the_others_are_divided(tmp_path: Path) -> None:
    paint(tmp_path / "images", "cats", "dogs", count=3)
    for number in range(9):
        (tmp_path / "images" / "cats" / f"{number}.heic").write_bytes(b"no picture" + bytes([number]))
    assert "9 files cannot be read" in refused(tmp_path)
    output = taken(tmp_path, "--skip-unreadable")
    assert "images: 2 to train, 2 to validate, 2 to test" in output and output.count("skipped, ") == 9


def test_a_class_of_which_too_little_can_be_read_is_refused(tmp_path: Path) -> None:
    paint(tmp_path / "images", "cats", "dogs", count=3)
    (tmp_path / "images" / "cats" / "0.png").write_bytes(b"no picture")
    assert "class 'cats' has 2 readable images; at least 3" in refused(tmp_path, "--skip-unreadable")


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        (["train", "test"], "named as splits and not as classes"),
        (["train"], "named as splits and not as classes"),
        (["train/cats", "train/dogs", "test"], "test holds images and no directory for each class"),
        (["test/cats", "test/dogs", "val/cats", "val/dogs"], "no train/ beside"),
        (["cats", "dogs", "test/cats", "test/dogs"], "no train/ beside"),
        (["train/steam", "train/diesel", "bus", "car"], "if it is a class, move its images up"),
        (["train/cats", "train/dogs", "test/cats", "test/dogs", "testing/cats"], "both look like the test split"),
        (["train/cats", "train/dogs", "test/cats", "test/birds"], "test has classes that train has not: birds"),
        (["train/cats", "train/dogs", "test/cats"], "test has no directory for these classes of train: dogs"),
        (["train/Cats", "train/dogs", "val/cats", "val/dogs"], "has not: cats; train has Cats, dogs"),
        (["one/cats", "one/dogs", "two/cats", "two/dogs"], "no images but only folders, cats, dogs"),
        (["animals/cat", "animals/dog", "plants/oak"], "no images but only folders, cat, dog, oak"),
        (["train/one/cats", "train/two/cats", "test/one/cats", "test/two/cats"], "no images but only folders"),
        (["cats/train", "cats/test", "dogs/train", "dogs/test"], "put the classes into the splits"),
        (["."], "no directory for each class; put each class into its own"),
        (["cats"], "at least 2 classes are needed, found 1: cats"),
        (["dataset/cats"], "at least 2 classes are needed, found 1: cats"),
        (["cats", "__MACOSX", ".hidden"], "at least 2 classes are needed, found 1: cats"),
        ([], "at least 2 classes are needed, found 0: none"),
    ],
)
def test_a_folder_that_cannot_be_understood_is_refused(tmp_path: Path, folders: list[str], told: str) -> None:
    (tmp_path / "images").mkdir()
    paint(tmp_path / "images", *folders)
    assert told in refused(tmp_path)


def test_an_empty_class_is_named(tmp_path: Path) -> None:
    paint(tmp_path / "images", "train/cats", "train/dogs", "test/cats")
    (tmp_path / "images" / "test" / "dogs").mkdir()
    assert "class 'dogs' has no images in test" in refused(tmp_path)


@pytest.mark.parametrize(
    ("train_name", "test_name"),
    [
        ("trainset", "testset"),
        ("Training Data", "Testing Data"),
        ("TRAIN", "VALID"),
        ("train_images", "eval"),
        ("x_train", "x_dev"),
        ("train2017", "val2017"),
        ("01-train", "02-test"),
        ("images-train-set", "validation_set"),
    ],
)
def test_the_usual_names_of_splits_are_known(tmp_path: Path, train_name: str, test_name: str) -> None:
    paint(tmp_path / "images", f"{train_name}/cats", f"{train_name}/dogs", f"{test_name}/cats", f"{test_name}/birds")
    assert "test has classes that train has not: birds" in refused(tmp_path)
