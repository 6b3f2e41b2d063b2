"""Which precision a device computes in, and where an export runs."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from training import backend


def test_bfloat16_is_used_only_where_the_hardware_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "has_bfloat16", lambda: False)
    assert backend.precision("auto") == backend.precision("float32") == "float32"
    monkeypatch.setattr(backend, "has_bfloat16", lambda: True)
    assert (backend.precision("auto"), backend.precision("float32")) == ("mixed_bfloat16", "float32")


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        ("GenuineIntel avx512_bf16 amx_bf16", True),
        ("AuthenticAMD avx512_bf16", True),
        ("GenuineIntel avx512_bf16", False),
        ("AuthenticAMD avx2", False),
    ],
)
def test_bfloat16_is_not_used_on_a_processor_where_it_was_measured_slower(
    monkeypatch: pytest.MonkeyPatch, cpu: str, expected: bool
) -> None:
    monkeypatch.setattr(backend, "device", lambda: "cpu:0")
    monkeypatch.setattr(Path, "exists", lambda path: True)
    monkeypatch.setattr(Path, "read_text", lambda path: cpu)
    assert backend.has_bfloat16() is expected


def test_what_computes_is_told_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert backend.hardware() == f"cpu:0, {backend.processor()}"
    monkeypatch.setattr(backend, "device", lambda: "gpu:0")
    assert backend.hardware() == "gpu:0"  # TensorFlow has no name for it
    monkeypatch.setattr(backend, "name", lambda: "jax")
    monkeypatch.setitem(
        sys.modules, "jax", SimpleNamespace(devices=lambda: [SimpleNamespace(device_kind="NVIDIA H200")])
    )
    assert backend.hardware() == "gpu:0, NVIDIA H200"


def test_export_runs_in_a_process_of_its_own_for_other_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], str | None]] = []

    def run(command: list[str], env: dict[str, str], check: bool) -> subprocess.CompletedProcess[bytes]:
        calls.append((command[1:], env.get("KERAS_BACKEND")))
        return subprocess.CompletedProcess(command, 1 if "broken" in command else 0)

    monkeypatch.setattr(subprocess, "run", run)
    backend.run_on_tensorflow("package", "runs/x")
    assert calls == [(["-m", "training", "package", "runs/x"], "tensorflow")]
    assert os.environ.get("KERAS_BACKEND") != "jax"
    with pytest.raises(backend.ExportFailed, match=r"package broken.*status 1"):
        backend.run_on_tensorflow("package", "broken")


@pytest.mark.parametrize(("capability", "expected"), [("7.5", False), ("8.0", True), ("9.0", True)])
def test_gpus_before_ampere_compute_in_float32(
    monkeypatch: pytest.MonkeyPatch, capability: str, expected: bool
) -> None:
    fake = SimpleNamespace(devices=lambda: [SimpleNamespace(compute_capability=capability)])
    monkeypatch.setitem(sys.modules, "jax", fake)
    monkeypatch.setattr(backend, "name", lambda: "jax")
    monkeypatch.setattr(backend, "device", lambda: "gpu:0")
    assert backend.has_bfloat16() is expected
