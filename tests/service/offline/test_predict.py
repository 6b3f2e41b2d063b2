"""Files are answered at the command line as over HTTP, and one that cannot be used stops none of the others."""

import errno
import json
import os
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from PIL import Image

from service.__main__ import main
from service.offline import predict
from tests.conftest import MODELS, SHIPPED, encoded, golden, png, shipped

Line = dict[str, Any]


@pytest.fixture(autouse=True)
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUINT_MODELS_DIR", str(MODELS))


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    """A data set picture of a 7."""
    path = tmp_path / "seven.png"
    path.write_bytes(golden())
    return path


@pytest.fixture
def unreadable(tmp_path: Path) -> dict[str, Path]:
    """A file for each code of those that tell why nothing was predicted."""
    noise = encoded(Image.effect_noise((64, 64), 99), "PNG")
    contents = {
        "empty_image": b"",
        "unsupported_format": b"this is no picture",
        "broken_image": noise[: len(noise) // 20],
        "image_too_large": encoded(Image.effect_noise((64, 64), 99), "BMP"),
    }
    for code, content in contents.items():
        (tmp_path / code).write_bytes(content)
    return {code: tmp_path / code for code in ("unreadable_file", *contents)}


@pytest.fixture
def unlike() -> bytes:
    """A picture that is no digit."""
    noise = Image.effect_noise((28, 28), 200)
    noise.paste(0, (0, 0, 28, 1))
    return png(noise)


def invoke(*words: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["predict", *map(str, words)], input=stdin, prog_name="python -m service")


def lines(result: Result) -> list[Line]:
    """Each line of the output, all of which are JSON."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def answered(*words: str | Path, stdin: bytes | None = None) -> list[Line]:
    result = invoke(*words, "--json", stdin=stdin)
    assert result.exit_code == 0 and result.stderr == "", result.output
    return lines(result)


def without_file(line: Line) -> Line:
    return {key: value for key, value in line.items() if key != "file"}


@pytest.mark.parametrize("model", SHIPPED)
def test_a_line_of_json_is_the_services_answer_to_the_last_digit(client: FlaskClient, model: str) -> None:
    folder = shipped(model) / "golden"
    files = sorted(folder.iterdir())
    told = answered(model, *files)
    assert [line["file"] for line in told] == [str(file) for file in files]
    for line, file in zip(told, files, strict=True):
        assert next(iter(line)) == "file"
        answer = client.post(f"/models/{model}/predict", data=file.read_bytes()).get_json()
        assert without_file(line) == answer["predictions"][0]


def test_top_k_and_seen_are_those_of_the_service(client: FlaskClient, tmp_path: Path, unlike: bytes) -> None:
    (tmp_path / "unlike.png").write_bytes(unlike)
    (line,) = answered("mnist", tmp_path / "unlike.png", "--top-k", "3", "--seen")
    answer = client.post("/models/mnist/predict?top_k=3&seen=1", data=unlike).get_json()["predictions"][0]
    assert without_file(line) == answer and {"top", "seen"} < set(line) and line["warnings"]


def test_a_stated_version_answers_and_one_that_is_not_there_is_told(seven: Path) -> None:
    number = shipped("mnist").name
    assert answered("mnist", seven, "--version", number) == answered("mnist", seven)
    refused = invoke("mnist", seven, "--version", "999")
    assert (refused.exit_code == 1 and refused.exception is None) or isinstance(refused.exception, SystemExit)
    assert f"no version 999; it has: {number}" in refused.stderr and refused.stdout == ""


def test_a_folder_is_walked_in_order_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    (folder / "deeper" / "still").mkdir(parents=True)
    for name in ("b.png", "a.png", ".hidden.png", "deeper/c.png", "deeper/still/d.png", "deeper/.DS_Store"):
        (folder / name).write_bytes(golden())
    told = [line["file"] for line in answered("mnist", folder)]
    assert told == [str(folder / name) for name in ("a.png", "b.png", "deeper/c.png", "deeper/still/d.png")]


def test_files_and_folders_are_answered_in_the_order_they_are_named(tmp_path: Path, seven: Path) -> None:
    (tmp_path / "folder").mkdir()
    shutil.copy(seven, tmp_path / "folder" / "a.png")
    told = [line["file"] for line in answered("mnist", seven, tmp_path / "folder", seven)]
    assert told == [str(seven), str(tmp_path / "folder" / "a.png"), str(seven)]


def test_a_dash_reads_standard_input(seven: Path) -> None:
    piped, named = answered("mnist", "-", seven, stdin=golden(label=3))
    assert (piped["file"], piped["label"], named["label"]) == ("-", "3", "7")
    nothing = invoke("mnist", "-", "--json", stdin=b"")
    assert nothing.exit_code == 1 and lines(nothing)[0]["error"]["code"] == "empty_image"


@pytest.mark.parametrize(
    "code", ["unreadable_file", "empty_image", "unsupported_format", "broken_image", "image_too_large"]
)
def test_a_file_that_cannot_be_used_is_told_and_the_next_one_answered(
    code: str, unreadable: dict[str, Path], seven: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUINT_MAX_IMAGE_BYTES", "4500")
    result = invoke("mnist", seven, unreadable[code], seven, "--json")
    before, failed, after = lines(result)
    assert result.exit_code == 1 and before == after and before["label"] == "7"
    assert result.stderr == "1 of 3 files could not be used\n"
    assert set(failed) == {"file", "error"} and failed["file"] == str(unreadable[code])
    assert failed["error"]["code"] == code and len(failed["error"]["detail"]) > 10
    result = invoke("mnist", seven, unreadable[code], seven)
    assert result.exit_code == 1 and len(result.stdout.splitlines()) == 2
    told = f"{unreadable[code]}: {failed['error']['detail']}"
    assert result.stderr == f"{told}\n1 of 3 files could not be used\n"


def test_an_error_has_the_services_code_and_sentence(
    client: FlaskClient, unreadable: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUINT_MAX_IMAGE_BYTES", "50000")
    for code in ("empty_image", "unsupported_format", "broken_image"):
        (line,) = lines(invoke("mnist", unreadable[code], "--json"))
        upload = {"image": (BytesIO(unreadable[code].read_bytes()), "upload")}
        problem = client.post("/models/mnist/predict", data=upload).get_json()
        assert problem["code"] == line["error"]["code"] == code
        assert line["error"]["detail"] in problem["detail"]


def test_every_line_of_json_is_json_by_itself_whatever_the_file_is_called(tmp_path: Path) -> None:
    names = ["a\nline.png", 'a "quote".png', "größe ✓.png", "a\tmissing one.png"]
    for name in names[:-1]:
        (tmp_path / name).write_bytes(golden())
    result = invoke("mnist", *(tmp_path / name for name in names), "--json", "--top-k", "2", "--seen")
    assert [line["file"] for line in lines(result)] == [str(tmp_path / name) for name in names]


def test_a_line_for_people_holds_the_likeliest_labels_that_were_asked_for(seven: Path) -> None:
    (told,) = answered("mnist", seven, "--top-k", "10")
    listed = ", ".join(f"{one['label']} {one['probability']:.2%}" for one in told["top"])
    assert listed.startswith("7 ") and invoke("mnist", seven, "--top-k", "10").stdout == f"{seven}: {listed}\n"


def test_warnings_and_the_steps_that_were_asked_for_follow_a_line_for_people(unlike: bytes) -> None:
    (told,) = answered("mnist", "-", "--seen", stdin=unlike)
    warnings = [f"  warning: {warning['text']}" for warning in told["warnings"]]
    steps = [f"  seen: {step['text']}" for step in told["seen"]["steps"]]
    assert warnings and invoke("mnist", "-", stdin=unlike).stdout.splitlines()[1:] == warnings
    assert invoke("mnist", "-", "--seen", stdin=unlike).stdout.splitlines()[1:] == warnings + steps


def test_an_unknown_model_names_the_known_ones(seven: Path) -> None:
    result = invoke("nope", seven)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit) and result.stdout == ""
    assert "Traceback" not in result.output and len(result.stderr.splitlines()) == 1
    assert "'nope'" in result.stderr and all(name in result.stderr for name in SHIPPED)


def test_a_broken_model_is_told_and_others_are_not_asked(models_dir: Path, seven: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("SQUINT_MODELS_DIR", str(models_dir))
    shutil.copytree(models_dir / "mnist", models_dir / "other")
    (models_dir / "other" / "1" / "model.tflite").write_bytes(b"broken")
    assert invoke("mnist", seven).exit_code == 0
    result = invoke("other", seven)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert "no version of model 'other' could be loaded" in result.stderr


@pytest.mark.parametrize("words", [["--top-k", "11"], ["--top-k", "0"], ["--version", "0"], ["--top-k", "many"]])
def test_a_number_that_cannot_be_is_a_usage_error(words: list[str], seven: Path) -> None:
    result = invoke("mnist", seven, *words)
    assert result.exit_code == 2 and words[0] in result.stderr and result.stdout == ""


@pytest.mark.parametrize("name", ["a" * 300, "", "nowhere/"])
def test_a_name_that_no_file_can_have_is_one_that_cannot_be_read(name: str) -> None:
    result = CliRunner().invoke(main, ["predict", "mnist", name, "--json"])
    assert result.exit_code == 1 and json.loads(result.stdout)["error"]["code"] == "unreadable_file"


def test_a_folder_without_files_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["predict", "mnist", str(tmp_path)])
    assert result.exit_code == 1 and str(tmp_path) in result.stderr


def test_a_folder_below_that_cannot_be_looked_into_is_told(
    tmp_path: Path, seven: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    shutil.copy(seven, tmp_path / "zero.png")
    look = os.scandir

    def refused(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return look(path)

    monkeypatch.setattr(os, "scandir", refused)
    result = invoke("mnist", tmp_path, "--json")
    closed, first, second = lines(result)
    assert closed["error"]["detail"] == "cannot be read: Permission denied"
    assert [closed["file"], first["file"], second["file"]] == [
        str(tmp_path / name) for name in ("closed", "seven.png", "zero.png")
    ]


def test_lines_go_to_a_file_that_appears_whole(tmp_path: Path, seven: Path) -> None:
    out = tmp_path / "lines.jsonl"
    result = invoke("mnist", seven, seven, "--json", "--output", out)
    assert result.exit_code == 0 and result.output == ""
    assert out.read_text() == invoke("mnist", seven, seven, "--json").stdout
    result = invoke("mnist", seven, tmp_path / "missing.png", "--output", out)
    assert result.exit_code == 1 and "missing.png: cannot be read" in result.stderr and result.stdout == ""
    assert out.read_text() == invoke("mnist", seven).stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines.jsonl", "seven.png"]


def test_a_file_that_was_there_stays_if_the_work_is_not_finished(
    tmp_path: Path, seven: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "lines.jsonl"
    out.write_text("before")
    done = predict.Line("one line", failed=False)
    monkeypatch.setattr(predict.Teller, "line", Mock(side_effect=[done, KeyboardInterrupt]))
    assert invoke("mnist", seven, seven, "--json", "--output", out).exit_code != 0
    assert out.read_text() == "before" and len(list(tmp_path.iterdir())) == 2


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, seven: Path) -> None:
    result = invoke("mnist", seven, "--output", tmp_path / "nowhere" / "lines")
    assert result.exit_code == 1 and "nowhere/lines cannot be written: No such file" in result.stderr
