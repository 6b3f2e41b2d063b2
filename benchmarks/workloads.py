"""The requests that are sent: pictures, and how a request holds them."""

import base64
import io
import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

BATCH_SIZE = 100
_BOUNDARY = "benchmark"
_PART = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="7.png"\r\n\r\n'


class Payload(NamedTuple):
    """The body of a request and its type."""

    content_type: str
    data: bytes


@cache
def golden_png() -> bytes:
    """A 28×28 seven of MNIST."""
    newest = max(Path("models/mnist").iterdir(), key=lambda version: int(version.name))
    return (newest / "golden" / "7.png").read_bytes()


@cache
def page() -> Image.Image:
    """A photographed digit of 12 megapixels: dark strokes on paper, with a sensor's noise."""
    ink = np.asarray(Image.open(io.BytesIO(golden_png())).resize((1500, 1500), Image.Resampling.BICUBIC), np.float32)
    paper = np.full((3000, 4000, 3), 205, np.float32)
    paper[700:2200, 1200:2700] -= 0.7 * ink[:, :, None]
    paper += np.random.default_rng(1).normal(0, 3, paper.shape).astype(np.float32)
    return Image.fromarray(np.clip(paper, 0, 255).astype(np.uint8))


@cache
def photo(width: int, height: int) -> Image.Image:
    """A smooth random colour picture with a sensor's noise, the same at each call."""
    random = np.random.default_rng(1)
    coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    noise = random.normal(0, 3, smooth.shape).astype(np.float32)
    return Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8))


def encode(image: Image.Image, format_name: str, **options: object) -> bytes:
    """The picture as a file."""
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


@cache
def page_jpeg() -> bytes:
    """The photographed digit as a JPEG file."""
    return encode(page(), "JPEG", quality=90)


@cache
def photo_jpeg(width: int, height: int) -> bytes:
    """The photo as a JPEG file."""
    return encode(photo(width, height), "JPEG", quality=90)


def raw(file: bytes) -> Payload:
    """The file is the body."""
    return Payload("image/jpeg" if file.startswith(b"\xff\xd8") else "image/png", file)


def base64_json(file: bytes) -> Payload:
    """The file as base64 in JSON."""
    return Payload("application/json", json.dumps({"image": base64.b64encode(file).decode()}).encode())


def multipart(files: list[bytes]) -> Payload:
    """Each file is a part named `image`."""
    parts = [_PART.encode() + file + b"\r\n" for file in files]
    return Payload(f"multipart/form-data; boundary={_BOUNDARY}", b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()]))
