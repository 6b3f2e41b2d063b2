"""The one module that knows which Keras backend and device this is."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import keras


def name() -> str:
    """`tensorflow`, `jax` or `torch`."""
    return str(keras.backend.backend())


def device() -> str:
    """The device that computes, such as `gpu:0` or `cpu:0`."""
    return str(keras.distribution.list_devices()[0])


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


def has_bfloat16() -> bool:
    """Whether this device multiplies bfloat16 in hardware; elsewhere it is emulated and slower than float32."""
    if "gpu" in device().lower():
        return True
    cpu = Path("/proc/cpuinfo")
    flags = cpu.read_text().split() if cpu.exists() else []
    return "avx512_bf16" in flags or "amx_bf16" in flags


def precision(wanted: str) -> str:
    """The Keras dtype policy for a recipe's `precision`."""
    return "mixed_bfloat16" if wanted == "auto" and has_bfloat16() else "float32"


# The package whose commands this process runs; the tests have one of their own.
PROGRAM = "training"


def run_on_tensorflow(*arguments: str) -> None:
    """Runs `python -m PROGRAM ARGUMENTS` in a process of its own on the TensorFlow backend, on the CPU.

    Raises subprocess.CalledProcessError if it fails. Export needs TensorFlow, and a backend is fixed at first import.
    """
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([sys.executable, "-m", PROGRAM, *arguments], env=environment, check=True)
