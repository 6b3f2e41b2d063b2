"""What the image's packages are: their bill of materials, and whether 64-bit ARM has a wheel of each."""

import hashlib
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy import wheels
from tests.conftest import REPOSITORY

LOCKS = {"litert": "service", "tensorflow": "tensorflow"}


def lock(name: str) -> str:
    return (REPOSITORY / "requirements" / f"{name}.txt").read_text()


def command(target: str, out: Path) -> list[str]:
    """What `make sbom` runs, with another file to write to."""
    words = ["make", "--no-print-directory", "-n", "sbom", f"TARGET={target}"]
    told = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    (line,) = re.findall(r".*cyclonedx_py.*", told.replace("\\\n", " "))
    return [sys.executable, *shlex.split(line.replace(f"sbom-{target}.json", str(out)))[1:]]


@pytest.mark.thorough
@pytest.mark.parametrize("target", LOCKS)
def test_the_bill_of_materials_names_every_locked_package_and_its_hashes(target: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("cyclonedx_py") is None:
        pytest.skip("cyclonedx-bom is not installed: make .venv/.sbom")
    out = tmp_path / "sbom.json"
    subprocess.run(command(target, out), cwd=REPOSITORY, check=True, capture_output=True)
    bill = json.loads(out.read_text())
    assert bill["bomFormat"] == "CycloneDX" and bill["metadata"]["component"]["name"] == "squint"
    told = {f"{one['name']}=={one['version']}" for one in bill["components"]}
    locked = set(re.findall(r"^[a-z][\w.-]*==[^\s;]+", lock(LOCKS[target]), re.MULTILINE))
    assert len(locked) > 20 and told == locked
    hashes = {found["content"] for one in bill["components"] for found in one["externalReferences"][0]["hashes"]}
    assert hashes == set(re.findall(r"sha256:(\w+)", lock(LOCKS[target])))


def test_the_packages_for_arm_are_those_that_pip_would_take_there() -> None:
    service, tensorflow = ({one.pin for one in wheels.read(lock(name))} for name in ("service", "tensorflow"))
    names = {pin.split("==")[0] for pin in tensorflow}
    assert service < tensorflow and {"pillow", "ai-edge-litert", "tensorflow"} <= names
    # Of Windows, of another Python, and of the machines that have it.
    assert not {"colorama", "tensorflow-cpu"} & names
    assert len([pin for pin in service if pin.startswith("numpy==")]) == 1
    assert all(one.hashes for one in wheels.read(lock("tensorflow")))


def test_the_image_is_what_the_wheels_are_asked_for() -> None:
    assert set(re.findall(r"^FROM .*/python:(\S+)", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)) == {
        f"{wheels.PYTHON}-slim-bookworm"
    }


def wheel(folder: Path, tag: str) -> str:
    """Writes a wheel of the package `demo`; returns its SHA-256."""
    path = folder / f"demo-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        file.writestr("demo-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        file.writestr("demo-1.0.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "tag", ["cp311-cp311-manylinux_2_28_aarch64", "cp310-abi3-manylinux2014_aarch64", "py3-none-any"]
)
def test_a_wheel_counts_if_the_lock_has_its_hash(tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = wheel(tmp_path, tag)
    _only(tmp_path, monkeypatch)
    assert wheels.find(wheels.Locked("demo==1.0", frozenset({digest}))).wheel == f"demo-1.0-{tag}.whl"
    other = wheels.find(wheels.Locked("demo==1.0", frozenset({"0" * 64})))
    assert other.wheel is None and "not in the lock" in other.fault


@pytest.mark.parametrize("tag", ["cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_aarch64",
                                 "cp311-cp311-manylinux_2_39_aarch64"])  # fmt: skip
def test_a_wheel_for_another_machine_python_or_newer_library_does_not_count(
    tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = wheel(tmp_path, tag)
    _only(tmp_path, monkeypatch)
    (tmp_path / "lock.txt").write_text(f"demo==1.0 \\\n    --hash=sha256:{digest}\n    # via nothing\n")
    assert wheels.main([str(tmp_path / "lock.txt")]) == 1
    assert "MISSING" in capsys.readouterr().out


def _only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has pip look into a folder and nowhere else."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
