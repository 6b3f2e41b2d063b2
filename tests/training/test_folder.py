"""Your own images: a directory a class becomes a model that the unchanged service serves."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from service import manifest as contract
from tests.app import app_over
from tests.conftest import encoded
from training.cli import main
from training.dataset import Content, DataFault
from training.datasets import folder

pytestmark = pytest.mark.thorough

COLOURS = {"sky": (60, 120, 230), "grass": (40, 180, 60), "brick": (200, 60, 40)}


def paint(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    noise = np.random.default_rng(seed).integers(-30, 30, (24 + seed % 9, 30, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(noise + colour, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Twenty pictures of each colour, in three formats."""
    for number, (label, colour) in enumerate(COLOURS.items()):
        for n in range(20):
            suffix = ("png", "jpg", "webp")[n % 3]
            paint(tmp_path / "images" / label / f"{n}.{suffix}", colour, 100 * number + n)
    return tmp_path / "images"


def read(images: Path, skip_unreadable: bool = False) -> Content:
    folder.read.cache_clear()
    return folder.read(str(images), (16, 16, 3), "photo", skip_unreadable)


def invoke(*words: str) -> Result:
    folder.read.cache_clear()
    return CliRunner().invoke(main, words)


def test_images_are_split_by_their_content_and_not_by_their_names(images: Path) -> None:
    before = read(images)
    assert before.labels == ("brick", "grass", "sky") and before.remarks == ()
    assert len(before.splits.train.labels) == 54 and before.validation_images == 6
    assert np.bincount(before.splits.test.labels).tolist() == [2, 2, 2]
    for file in (images / "sky").iterdir():
        file.rename(file.with_stem(f"renamed-{file.stem}"))
    after = read(images)
    assert all(np.array_equal(a, b) for a, b in zip(before.splits.test, after.splits.test, strict=True))


def test_a_folder_that_is_split_already_stays_so(images: Path) -> None:
    for name, numbers in (("train", range(14)), ("val", range(14, 17)), ("test", range(17, 20))):
        for label in COLOURS:
            for n in numbers:
                (file,) = (images / label).glob(f"{n}.*")
                (images / name / label).mkdir(parents=True, exist_ok=True)
                file.rename(images / name / label / file.name)
    for label in COLOURS:
        (images / label).rmdir()
    content = read(images)
    assert (len(content.splits.train.labels), content.validation_images, len(content.splits.test.labels)) == (51, 9, 9)
    (images / "test" / "moss").mkdir()
    with pytest.raises(DataFault, match="test has classes that train has not: moss"):
        read(images)
    shutil.rmtree(images / "test")
    content = read(images)
    assert len(content.splits.test.labels) == 9 and content.validation_images == 3 and content.divided
    assert content.layout == ("train/ is the train split; val/ is the test split; "
                              "the validation split is taken from train/",)  # fmt: skip


def test_unreadable_files_are_listed_and_skipped_only_on_request(images: Path) -> None:
    (images / "sky" / "notes.txt").write_text("clouds")
    (images / "sky" / "half.png").write_bytes((images / "sky" / "0.png").read_bytes()[:80])
    cut = encoded(Image.effect_noise((64, 64), 99), "JPEG")
    (images / "sky" / "cut.jpg").write_bytes(cut[: len(cut) * 4 // 5])
    (images / "sky" / ".DS_Store").write_bytes(b"hidden")
    with pytest.raises(DataFault) as caught:
        read(images)
    assert "3 files cannot be read" in str(caught.value) and "cut off" in str(caught.value)
    assert "--skip-unreadable" in str(caught.value)
    assert "notes.txt" in str(caught.value) and "half.png" in str(caught.value)
    content = read(images, skip_unreadable=True)
    assert len(content.remarks) == 3 and all(remark.startswith("skipped, ") for remark in content.remarks)


def test_pictures_in_two_splits_are_reported_and_the_first_of_them_named(images: Path) -> None:
    for name in ("train", "val", "test"):
        shutil.copytree(images, images.parent / "split" / name)
    remarks = read(images.parent / "split").remarks
    assert len(remarks) == 4 and all("several splits" in remark for remark in remarks)
    assert remarks[-1].startswith("57 more pictures")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda root: (root / "empty").mkdir(), "'empty' has 0 images; at least 3"),
        (lambda root: paint(root / "lonely" / "one.png", (1, 2, 3), 1), "'lonely' has 1 images"),
        (
            lambda root: [(root / name).rename(root.parent / name) for name in ("sky", "grass")],
            "at least 2 classes are needed, found 1: brick",
        ),
        (lambda root: shutil.rmtree(root), "is no folder"),
    ],
)
def test_what_is_wrong_with_a_folder_is_told(images: Path, change: object, told: str) -> None:
    change(images)  # type: ignore[operator]
    with pytest.raises(DataFault, match=told):
        read(images)


def test_a_folder_becomes_a_model_that_is_served(images: Path, tmp_path: Path) -> None:
    places = ["--runs-dir", str(tmp_path / "runs"), "--models-dir", str(tmp_path / "models")]
    words = [
        "train-folder",
        "--images",
        str(images),
        "--name",
        "ground",
        "--size",
        "16",
        "--epochs",
        "6",
        "--publish",
    ]
    result = invoke(*words, *places)
    assert result.exit_code == 0, result.output
    assert "3 classes: brick, grass, sky" in result.output
    manifest = contract.read(tmp_path / "models" / "ground" / "1")
    assert (manifest.labels, manifest.kind, manifest.input.shape) == (("brick", "grass", "sky"), "photo", (16, 16, 3))
    assert (
        "train-folder --images DIR --name ground --size 16 --kind photo"
        in (tmp_path / "models" / "ground" / "1" / "README.md").read_text()
    )
    client = app_over(tmp_path / "models").test_client()
    answers = [client.post("/models/ground/predict", data=(images / label / "0.png").read_bytes()) for label in COLOURS]
    assert [answer.get_json()["predictions"][0]["label"] for answer in answers] == list(COLOURS)
    (run,) = (tmp_path / "runs").iterdir()
    assert "accuracy" in invoke("evaluate", str(run)).output
    published = invoke("evaluate", str(tmp_path / "models" / "ground" / "1"))
    assert published.exit_code == 1 and "train-folder --images" in published.output


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "Missing option '--name'"),
        (["--name", "x"], "--images"),
        (["--images", ".", "--name", "No Good"], "lower-case"),
    ],
)
def test_a_folder_needs_images_and_a_name(words: list[str], text: str) -> None:
    result = invoke("train-folder", *words)
    assert result.exit_code == 2 and text in result.output


def test_kinds_that_are_grey_say_so(images: Path) -> None:
    result = invoke("train-folder", "--images", str(images), "--name", "x", "--kind", "digit")
    assert result.exit_code == 1 and "pass --grey" in result.output


def test_of_many_pictures_in_several_splits_the_first_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        for number, label in enumerate(("a", "b")):
            (tmp_path / split / label).mkdir(parents=True)
            for level in range(5):
                grey = Image.new("RGB", (32, 32), (20 * level, 100 * number, 0))
                grey.save(tmp_path / split / label / f"{level}.png")
    remarks = folder.read(str(tmp_path), (32, 32, 3), "photo", False).remarks
    assert len(remarks) == 4 and all(one.startswith("the same picture") for one in remarks[:3])
    assert remarks[3].startswith("7 more pictures")
