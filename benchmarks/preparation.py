"""`python -m benchmarks.preparation`: the time from a file's bytes to the array that a model sees, on one core."""

import io
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks.workloads import encode, golden_png, page
from service.images import kinds
from service.images.decode import Limits, decode

_LIMITS = Limits(max_bytes=16 * 2**20, max_pixels=50_000_000, max_frames=1000)
_SHAPES = {"digit": (28, 28, 1), "garment": (28, 28, 1), "photo": (32, 32, 3)}
_CALLS, _WARM_UP = 50, 5


class Case(NamedTuple):
    """A file and what it is called in the table."""

    name: str
    data: bytes


def cases() -> Iterator[Case]:
    """Small, usual, large and hostile files."""
    random = np.random.default_rng(1)
    golden = Image.open(io.BytesIO(golden_png()))
    yield Case("28×28 PNG as in MNIST", encode(golden, "PNG"))
    yield Case("28×28 PNG, dark on light", encode(Image.fromarray(255 - np.asarray(golden)), "PNG"))
    aside = np.roll(255 - np.asarray(golden), 3, axis=0)
    yield Case("28×28 PNG, dark on light, off the middle", encode(Image.fromarray(aside), "PNG"))
    yield Case("12-megapixel JPEG", encode(page(), "JPEG", quality=90))
    yield Case("640×480 JPEG", encode(page().resize((640, 480)), "JPEG", quality=90))
    yield Case("noise, 500×500 PNG", encode(Image.fromarray(random.integers(0, 256, (500, 500, 3), np.uint8)), "PNG"))
    yield Case(
        "noise, 16000×250 PNG", encode(Image.fromarray(random.integers(0, 256, (250, 16000, 3), np.uint8)), "PNG")
    )
    yield Case(
        "checks, 7000×7000 PNG", encode(Image.fromarray(np.indices((7000, 7000)).sum(axis=0).astype(np.uint8)), "PNG")
    )


def measure(data: bytes, kind: str) -> tuple[float, float]:
    """Median milliseconds of decoding and of preparing."""
    prepare, times = kinds.find(kind), []
    for _ in range(_WARM_UP + _CALLS):
        started = time.perf_counter()
        picture = decode(data, _LIMITS)
        decoded = time.perf_counter()
        prepare(picture, _SHAPES[kind])
        times.append((decoded - started, time.perf_counter() - decoded))
        if sum(map(sum, times)) > 10:
            break
    decoding, preparing = np.median(times[min(_WARM_UP, len(times) - 1) :], axis=0) * 1000
    return float(decoding), float(preparing)


def main() -> None:
    """Prints the table, in milliseconds."""
    print(f"| milliseconds | decode | {' | '.join(_SHAPES)} |\n|---|---|---|---|---|")
    for case in cases():
        measured = {kind: measure(case.data, kind) for kind in _SHAPES}
        decoding = min(decode_ms for decode_ms, _ in measured.values())
        print(f"| {case.name} | {decoding:.3f} | {' | '.join(f'{ms:.3f}' for _, ms in measured.values())} |")


if __name__ == "__main__":
    main()
