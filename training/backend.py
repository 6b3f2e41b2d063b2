"""The one module that knows which Keras backend and device this is."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import keras

from service.errors import Fault

# Ampere's; earlier GPUs of NVIDIA compute bfloat16 in float32.
_BFLOAT16_CAPABILITY = 8.0


class ExportFailed(Fault):
    """What ran on TensorFlow in a process of its own went wrong; it has said why."""

    code = "export_failed"


def name() -> str:
    """`tensorflow`, `jax` or `torch`."""
    return str(keras.backend.backend())


def device() -> str:
    """The device that computes, such as `gpu:0` or `cpu:0`."""
    return str(keras.distribution.list_devices()[0])


def devices() -> str:
    """The device that computes, and on JAX how many more of them there are."""
    more = len(keras.distribution.list_devices()) - 1 if name() == "jax" else 0
    return f"{device()} and {more} more" if more else device()


def hardware() -> str:
    """The device and its own name where that is told, such as `cpu:0, AMD EPYC` or `gpu:0, NVIDIA H200`."""
    if "gpu" not in device().lower():
        return f"{device()}, {processor()}"
    kind = sys.modules["jax"].devices()[0].device_kind if name() == "jax" else None
    return f"{device()}, {kind}" if kind else device()


def versions() -> dict[str, str]:
    """The versions of what computes, for the manifest."""
    module = sys.modules[name()]
    return {"python": sys.version.split()[0], "keras": keras.__version__, name(): module.__version__}


def processor() -> str:
    """The processor's own name where the system tells it, else its kind."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def git_commit() -> str | None:
    """The commit of the code, with `-dirty` if it was changed since; None outside a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def has_bfloat16() -> bool:
    """Whether this device multiplies bfloat16 in hardware; elsewhere it is emulated and slower than float32."""
    if "gpu" in device().lower():
        return _compute_capability() >= _BFLOAT16_CAPABILITY
    cpu = Path("/proc/cpuinfo")
    flags = cpu.read_text().split() if cpu.exists() else []
    # Measured: 1.4 times float32's speed on an EPYC, 0.6 times on a Xeon whose AMX is not to be had.
    return "amx_bf16" in flags or ("avx512_bf16" in flags and "AuthenticAMD" in flags)


def _compute_capability() -> float:
    """The GPU's CUDA capability as JAX tells it; where nothing does, what every GPU of the last years has."""
    if name() != "jax":
        return _BFLOAT16_CAPABILITY
    return float(getattr(sys.modules["jax"].devices()[0], "compute_capability", _BFLOAT16_CAPABILITY))


def precision(wanted: str) -> str:
    """The Keras dtype policy for a recipe's `precision`."""
    return "mixed_bfloat16" if wanted == "auto" and has_bfloat16() else "float32"


# The package whose commands this process runs; the tests have one of their own.
PROGRAM = "training"


def run_on_tensorflow(*arguments: str) -> None:
    """Runs `python -m PROGRAM ARGUMENTS` in a process of its own on the TensorFlow backend, on the CPU.

    Raises ExportFailed if it fails. Export needs TensorFlow, and a backend is fixed at first import.
    """
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-m", PROGRAM, *arguments], env=environment, check=False)
    if done.returncode:
        raise ExportFailed(f"`{PROGRAM} {' '.join(arguments)}` on TensorFlow ended with status {done.returncode}")
