"""Labelled pictures of one's own are judged as the service would, and mistakes are shown."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from service import manifest as contract
from tests.conftest import MODELS, golden, shipped
from training import real_images
from training.cli import main

Files = dict[str, tuple[str, int]]
DIGITS: Files = {f"phone/{label}/pen_{label}.png": ("mnist", label) for label in range(10)}


def folder_of(root: Path, files: Files) -> Path:
    """A folder of data set pictures: the model and the label of each by its path."""
    for path, (model, label) in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(golden(model, label))
    return root


def evaluate(root: Path, *words: str, models: Path = MODELS) -> Result:
    """Evaluates the folder; sheets go beside it."""
    out = str(root.parent / "sheets")
    folders = ["--wild", str(root), "--out", out, "--models-dir", str(models)]
    return CliRunner().invoke(main, ["evaluate", *folders, *words], prog_name="python -m training")


def sheet_of(root: Path, model: str = "mnist") -> Path:
    return root.parent / "sheets" / f"wild-{model}-{shipped(model).name}.png"


def row(result: Result, name: str) -> tuple[str, ...]:
    """n, the share that is right and the share that is flagged in the only row of that name."""
    (line,) = [line for line in result.output.splitlines() if line[:32].strip() == name and line[32:].strip()]
    return tuple(line[32:].split())


def faults(result: Result) -> str:
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit) and "Traceback" not in result.output
    return result.stderr


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder to put pictures into."""
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"


def test_the_models_own_pictures_in_a_nested_folder_are_all_right(root: Path) -> None:
    result = evaluate(folder_of(root, DIGITS), "--model", "mnist")
    assert result.exit_code == 0, result.output
    assert row(result, "all") == ("10", "100.0%", "0.0%")
    assert all(row(result, str(label)) == ("1", "100.0%", "0.0%") for label in range(10))
    assert f"mnist {shipped('mnist').name}, litert, on pictures of {root}" in result.output
    assert f"wrote {sheet_of(root)}: 0 mistakes" in result.output and sheet_of(root).exists()


def test_directories_are_matched_without_case_and_punctuation(root: Path) -> None:
    labels = contract.read(shipped("fashion_mnist")).labels
    names = ["T-shirt_top", "trouser", "PULLOVER", "t shirt top", "T-shirt", "Ankle-Boot"]
    for name in names:
        (root / name).mkdir()
        (root / name / "a.png").touch()
    found = {one.file.parent.name: labels[one.label] for one in real_images.find(root, labels)}
    assert found == {
        "T-shirt_top": "T-shirt/top",
        "t shirt top": "T-shirt/top",
        "trouser": "Trouser",
        "PULLOVER": "Pullover",
        "Ankle-Boot": "Ankle boot",
    }


def test_the_deepest_directory_named_as_a_class_counts_and_hidden_files_do_not(root: Path) -> None:
    for name in ("3/7/a.png", "x/y/3/crops/b.png", "4/c.png", "3/.DS_Store", "d.png", "other/e.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    found = real_images.find(root, [str(label) for label in range(10)])
    assert [(str(one.file.relative_to(root)), one.label, one.folder) for one in found] == [
        ("3/7/a.png", 7, "3"),
        ("4/c.png", 4, "."),
        ("x/y/3/crops/b.png", 3, "x/y"),
    ]


def test_tables_count_by_class_and_by_folder(root: Path) -> None:
    files: Files = {
        "phone/3/a.png": ("mnist", 3),
        "phone/3/b.png": ("mnist", 3),
        "phone/7/c.png": ("mnist", 7),
        "scan/7/d.png": ("mnist", 7),
        "scan/7/e.png": ("mnist", 3),
    }
    result = evaluate(folder_of(root, files), "--model", "mnist")
    assert [line for line in result.output.splitlines() if line.startswith("by ")] == ["by class", "by folder"]
    wanted = {"all": ("5", "80.0%"), "3": ("2", "100.0%"), "7": ("3", "66.7%")}
    wanted |= {"phone": ("3", "100.0%"), "scan": ("2", "50.0%")}
    assert {name: row(result, name)[:2] for name in wanted} == wanted


def test_a_table_of_one_folder_is_left_out(root: Path) -> None:
    output = evaluate(folder_of(root, {"7/a.png": ("mnist", 7)}), "--model", "mnist").output
    assert "by class" in output and "by folder" not in output


def test_an_unreadable_file_counts_as_wrong_and_is_listed(root: Path) -> None:
    folder_of(root, {"3/a.png": ("mnist", 3), "7/a.png": ("mnist", 7)})
    (root / "7" / "notes.txt").write_text("no picture")
    (root / "7" / "gone.png").symlink_to(root / "nowhere")
    result = evaluate(root, "--model", "mnist")
    assert result.exit_code == 0 and row(result, "all")[:2] == ("3", "66.7%") and row(result, "7")[:2] == ("2", "50.0%")
    (told,) = [line for line in result.output.splitlines() if line.startswith("cannot be read: ")]
    assert told.startswith(f"cannot be read: {root / '7' / 'notes.txt'}: ") and "0 mistakes" in result.output


def test_a_mistake_is_counted_and_drawn_on_the_sheet(root: Path) -> None:
    folder_of(root, DIGITS | {"phone/3/seven.png": ("mnist", 7)})
    result = evaluate(root, "--model", "mnist")
    assert row(result, "all")[:2] == ("11", "90.9%") and row(result, "3")[:2] == ("2", "50.0%")
    assert f"wrote {sheet_of(root)}: 1 mistakes" in result.output
    with Image.open(sheet_of(root)) as sheet:
        pixels = np.asarray(sheet.convert("L"))
    assert pixels.shape == (152, 1260)
    # The upload on the left and what the model saw on the right, both white on black; nothing beside them.
    upload, seen = pixels[26:146, :120], pixels[26:146, 123:243]
    assert upload.min() < 20 and upload.max() > 200 and seen.min() < 20 and seen.max() > 200
    assert pixels[:26, :252].min() < 100 and (pixels[:, 252:] == 255).all()


def test_a_sheet_grows_by_rows_with_the_most_confident_mistake_first(tmp_path: Path) -> None:
    model = real_images.load(shipped("mnist"))
    labels = model.manifest.labels
    folder_of(tmp_path, {f"{(label + 1) % 10}/{label}.png": ("mnist", label) for label in range(7)})
    answers = list(real_images.answer(model, real_images.find(tmp_path, labels)))
    assert real_images.write_mistakes(answers, labels, tmp_path / "new" / "sheet.png") == 7
    with Image.open(tmp_path / "new" / "sheet.png") as image:
        assert image.size == (1260, 304)
        first = np.asarray(image.convert("RGB"))[:152, :252]
    surest = max(answers, key=lambda one: one.confidence)
    real_images.write_mistakes([surest], labels, tmp_path / "new" / "one.png")
    with Image.open(tmp_path / "new" / "one.png") as image:
        assert np.array_equal(np.asarray(image.convert("RGB"))[:, :252], first)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["one.png", "sheet.png"]


def test_every_model_is_taken_whose_classes_are_there(root: Path) -> None:
    files: Files = {"digits/7/a.png": ("mnist", 7), "clothes/Sneaker/a.png": ("fashion_mnist", 7)}
    result = evaluate(folder_of(root, files))
    judged = [line.split()[0] for line in result.output.splitlines() if " on pictures of " in line]
    assert result.exit_code == 0 and judged == ["fashion_mnist", "mnist"]
    assert sheet_of(root, "mnist").exists() and sheet_of(root, "fashion_mnist").exists()
    assert not sheet_of(root, "cifar10").exists()


@pytest.mark.parametrize("words", [[], ["--engine", "litert"]])
def test_a_version_can_be_named_instead_of_a_model(root: Path, words: list[str]) -> None:
    folder_of(root, {"7/a.png": ("mnist", 7), "Sneaker/a.png": ("fashion_mnist", 7)})
    result = evaluate(root, str(shipped("mnist")), *words, models=root / "nowhere")
    assert result.exit_code == 0 and row(result, "all") == ("1", "100.0%", "0.0%")
    assert result.output.count(" on pictures of ") == 1


@pytest.mark.parametrize("files", [{}, {"digits/a.png": ("mnist", 7)}, {"kitten/a.png": ("cifar10", 3)}])
def test_a_folder_without_pictures_in_class_directories_names_the_classes(root: Path, files: Files) -> None:
    assert all(name in faults(evaluate(folder_of(root, files))) for name in ("airplane", "T-shirt/top", "9"))
    told = faults(evaluate(root, "--model", "fashion_mnist"))
    assert told.endswith(f"these are: {', '.join(contract.read(shipped('fashion_mnist')).labels)}\n")
    assert not sheet_of(root).parent.exists()


def test_an_unknown_model_names_those_there_are(root: Path, models_dir: Path) -> None:
    assert "'nope'; there are: cifar10, fashion_mnist, mnist" in faults(evaluate(root, "--model", "nope"))
    assert "there are: mnist\n" in faults(evaluate(root, "--model", "cifar10", models=models_dir))


def test_a_folder_that_is_neither_run_nor_version_is_told(root: Path) -> None:
    assert "is not a run" in faults(evaluate(folder_of(root, DIGITS), str(root)))


def test_a_version_that_is_broken_is_told(root: Path, models_dir: Path) -> None:
    shutil.copy(shipped("fashion_mnist") / "model.tflite", models_dir / "mnist" / "1" / "model.tflite")
    assert "golden" in faults(evaluate(folder_of(root, DIGITS), models=models_dir))


def test_neither_a_version_nor_pictures_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["evaluate"], prog_name="python -m training")
    assert result.exit_code == 2 and "--wild" in result.stderr


def test_what_is_hidden_is_left_out(root: Path) -> None:
    folder_of(root, {"7/a.png": ("mnist", 7), ".trash/3/b.png": ("mnist", 7), "7/.c.png": ("mnist", 7)})
    assert [one.file.name for one in real_images.find(root, list("0123456789"))] == ["a.png"]


def test_labels_that_differ_in_punctuation_alone_are_told_apart(root: Path) -> None:
    folder_of(root, {"C/a.png": ("mnist", 7), "C++/b.png": ("mnist", 7), "c/d.png": ("mnist", 7)})
    found = {one.file.name: one.label for one in real_images.find(root, ["C", "C++"])}
    assert found == {"a.png": 0, "b.png": 1}, "and one that could be either is left out"


def test_broken_metadata_and_deep_pictures_are_shown_as_they_were_judged(root: Path) -> None:
    folder_of(root, {"3/a.png": ("mnist", 7)})
    deep = np.asarray(Image.open(root / "3/a.png"), np.float32) / 255
    Image.fromarray(deep).save(root / "3/deep.tiff")
    assert evaluate(root, "--model", "mnist").exit_code == 0
    assert np.asarray(Image.open(sheet_of(root)))[:, :, 0].std() > 20


def test_strangers_are_counted_by_folder(tmp_path: Path) -> None:
    noise, blank = tmp_path / "noise" / "deeper", tmp_path / "blank"
    for folder, image in ((noise, Image.effect_noise((64, 64), 99)), (blank, Image.new("RGB", (90, 60), "navy"))):
        folder.mkdir(parents=True)
        image.save(folder / "one.png")
    (blank / "note.txt").write_text("no picture")
    words = ["evaluate", "--strangers", str(tmp_path), "--model", "mnist", "--models-dir", str(MODELS)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines()[1:]]
    assert rows == [
        ["all", "2", "100.0%", "flagged"],
        *([name, "1", "100.0%", "flagged"] for name in ("blank", "noise")),
    ]


def test_strangers_need_files(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["evaluate", "--strangers", str(tmp_path), "--models-dir", str(MODELS)])
    assert "holds no files" in faults(result)


@pytest.mark.parametrize("name", ["*", "", "/x"])
def test_a_model_is_named_not_matched(root: Path, name: str) -> None:
    assert "no model called" in faults(evaluate(folder_of(root, DIGITS), "--model", name))
