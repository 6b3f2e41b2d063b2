"""A file of hashed keys: what it may hold, what is told of what it may not, and how it changes while it is used."""

import hashlib
import hmac
import logging
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from service import auth as keys
from service.__main__ import main
from service.auth import KeyFile, KeyFileError
from service.errors import Unauthorized

DIGEST = "sha256$" + "0" * 64


def test_a_new_key_is_long_and_its_line_opens_with_it() -> None:
    key, line = keys.make("phone", ["predict", "metrics"])
    assert line.startswith("phone:predict,metrics:sha256$") and key not in line and len(key) > 40
    (read,) = keys.parse(f"# who\n\n  {line}\n")
    assert keys.find([read], key) == read and (read.has("predict"), read.has("admin")) == (True, False)
    assert keys.make("phone", ["predict"])[0] != key


@pytest.mark.parametrize(
    "line",
    [
        "phone",
        "my phone:predict:" + DIGEST,
        "phone:read:" + DIGEST,
        "phone:predict:" + "0" * 64,
        "phone:predict:" + DIGEST[:-1],
        "phone:predict:" + DIGEST.replace("0", "A"),
    ],
)
def test_a_wrong_line_is_named_and_not_quoted(line: str) -> None:
    with pytest.raises(KeyFileError, match=r"^line 3: must be NAME:ROLE") as fault:
        keys.parse(f"first:predict:{DIGEST}\n\n{line}\n")
    assert "0" * 64 not in str(fault.value)


def test_a_second_key_of_a_name_is_told() -> None:
    with pytest.raises(KeyFileError, match="line 2: a second key of the name first"):
        keys.parse(f"first:predict:{DIGEST}\nfirst:admin:{DIGEST}\n")


def test_a_file_without_a_key_is_told_how_to_get_one() -> None:
    with pytest.raises(KeyFileError, match="python -m service key"):
        keys.parse("# nothing yet\n")


@pytest.mark.parametrize(("content", "told"), [(None, "No such file"), (b"\xff\xfe", "UTF-8"), (b"", "no key")])
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / "keys").write_bytes(content)
    with pytest.raises(KeyFileError, match=told):
        keys.read(tmp_path / "keys")
    with pytest.raises(KeyFileError, match=r"Is a directory|Permission"):
        keys.read(tmp_path)


def changed(path: Path, text: str) -> None:
    """Another content at another time, however coarse the clock of the disk."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


@pytest.mark.parametrize("broken", ["", "nonsense", None])
def test_a_broken_change_keeps_the_keys_before_and_is_logged_once(
    tmp_path: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys"
    key, line = keys.make("old", ["predict"])
    path.write_text(line)
    file = KeyFile(path)
    if broken is None:
        path.unlink()
    else:
        changed(path, broken)
    with caplog.at_level(logging.ERROR):
        assert all(keys.find(file.keys(), key) for _ in range(3))
    assert len(caplog.records) == 1 and str(path) in caplog.text
    other, line = keys.make("other", ["predict"])
    changed(path, line)
    assert keys.find(file.keys(), other) and not keys.find(file.keys(), key)


def test_a_worker_that_starts_while_the_file_is_broken_takes_the_last_good_keys(tmp_path: Path) -> None:
    path, last_good = tmp_path / "keys", tmp_path / "good"
    key, line = keys.make("old", ["metrics", "predict"])
    path.write_text(line)
    first = KeyFile(path, last_good)
    path.write_text("nonsense")
    assert KeyFile(path, last_good).keys() == first.keys() == keys.parse(line)
    assert key not in last_good.read_text()


def test_without_any_good_keys_nobody_is_let_in(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("nonsense")
    with pytest.raises(Unauthorized):
        KeyFile(tmp_path / "keys", tmp_path / "good").check("/models", "", "anything")


def test_keys_stay_valid_where_no_copy_of_them_can_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "keys"
    key, line = keys.make("phone", ["predict"])
    path.write_text(line)
    file = KeyFile(path, tmp_path / "absent" / "good")
    found = file.check("/models", "", key)
    assert found and found.name == "phone" and "no copy of the good keys" in caplog.text


def test_the_command_shows_a_key_once_and_prints_its_line() -> None:
    result = CliRunner().invoke(main, ["key", "phone", "--role", "metrics", "--role", "predict"])
    assert result.exit_code == 0
    (read,) = keys.parse(result.stdout)
    assert read.name == "phone" and read.roles == {"predict", "metrics"}
    key = result.stderr.split()[-1]
    assert read.digest == hashlib.sha256(key.encode()).hexdigest() and key not in result.stdout


@pytest.mark.parametrize("words", [["phone"], ["phone", "--role", "king"], ["my phone", "--role", "predict"]])
def test_a_command_that_cannot_be_is_told(words: list[str]) -> None:
    result = CliRunner().invoke(main, ["key", *words])
    assert result.exit_code in (1, 2) and result.stdout == "" and "Traceback" not in result.stderr


def test_a_worker_that_read_an_older_file_does_not_replace_the_copy_of_a_later_one(tmp_path: Path) -> None:
    path, copy = tmp_path / "keys", tmp_path / "copy"
    (_, old_line), (new, new_line) = keys.make("old", ["predict"]), keys.make("new", ["predict"])
    path.write_text(new_line)
    KeyFile(path, copy)
    path.write_text(old_line)
    os.utime(path, ns=(0, 0))
    KeyFile(path, copy)
    path.write_text("rubbish")
    assert keys.find(KeyFile(path, copy).keys(), new)


def test_a_key_is_compared_with_all_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [keys.make(f"key{number}", ["predict"]) for number in range(3)]
    known = keys.parse("\n".join(line for _, line in made))
    compared: list[str] = []

    def compare(left: str, right: str) -> bool:
        compared.append(left)
        return left == right

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for presented, name in [(made[0][0], "key0"), (made[2][0], "key2"), ("wrong", None)]:
        compared.clear()
        found = keys.find(known, presented)
        assert (found.name if found else None) == name and len(compared) == 3


def test_a_worker_that_read_older_keys_takes_the_newer_ones_once_the_file_is_broken(tmp_path: Path) -> None:
    path, last_good = tmp_path / "keys", tmp_path / "good"
    path.write_text(keys.make("old", ["predict"])[1])
    first = KeyFile(path, last_good)
    newer = keys.make("new", ["predict"])[1]
    changed(path, newer)
    KeyFile(path, last_good)
    changed(path, "nonsense")
    assert first.keys() == keys.parse(newer)
