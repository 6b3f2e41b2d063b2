"""What decoding and inference alone can do: the service's own code in a loop, one process a core, without HTTP."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.workloads import BATCH_SIZE, golden_png
from service import manifest
from service.images.decode import Limits, decode
from service.inference import classifier

_LIMITS = Limits(max_bytes=16 * 2**20, max_pixels=50_000_000, max_frames=1000)


def batches_per_s(seconds: float, processes: int) -> float:
    """Batches of pictures that so many processes decode, prepare and classify together in a second."""
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_loop, [0.1] * processes))  # imports and loads the model in each process
        return sum(pool.map(_loop, [seconds] * processes))


def _loop(seconds: float) -> float:
    folder = max(Path("models/mnist").iterdir(), key=lambda version: int(version.name))
    model = classifier.load(folder, manifest.read(folder), "litert", threads=1)
    files, batches = [golden_png()] * BATCH_SIZE, 0
    started = time.perf_counter()
    while (elapsed_s := time.perf_counter() - started) < seconds:
        model.classify([model.prepare(decode(file, _LIMITS)) for file in files])
        batches += 1
    return batches / elapsed_s
