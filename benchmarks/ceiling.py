"""What decoding and inference alone can do: the service's own code in a loop, one process a core, no HTTP."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

from benchmarks.peers.mnist import folder
from benchmarks.workloads import WORKLOADS
from service import manifest
from service.images.decode import Limits, decode
from service.inference import classifier

_LIMITS = Limits(max_bytes=16 * 2**20, max_pixels=50_000_000, max_frames=1000)


def batches_per_second(seconds: float, cores: int) -> float:
    """Batches of the workload `batch` that so many processes decode, prepare and classify together in a second."""
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_loop, [0.1] * cores))  # until all have started
        return sum(pool.map(_loop, [seconds] * cores))


def _loop(seconds: float) -> float:
    model = classifier.load(folder(), manifest.read(folder()), "litert", threads=1)
    files, done = WORKLOADS["batch"].pictures(), 0
    started = time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        model.classify([model.prepare(decode(file, _LIMITS)) for file in files])
        done += 1
    return done / elapsed
