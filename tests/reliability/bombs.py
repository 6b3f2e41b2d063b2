"""Small picture files that want much memory or time."""

import struct
import zlib
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import NamedTuple

from PIL import Image

from tests.conftest import encoded

# Below the default limit of 50 million pixels, and above it.
LARGE, TOO_LARGE = 7000, 16000
REFUSED, ODD = frozenset({413}), frozenset({200, 413, 422})


class Bomb(NamedTuple):
    """How to make it, and how it may be answered."""

    name: str
    make: Callable[[], bytes]
    statuses: frozenset[int]


def flat(format_: str, mode: str, side: int = LARGE, **options: object) -> bytes:
    """A square of one colour."""
    return encoded(Image.new(mode, (side, side)), format_, **options)


def animated(format_: str, frames: int, side: int) -> bytes:
    """Frames of one colour each, all of them different."""
    made = [Image.new("L", (side, side), number % 256) for number in range(frames)]
    return encoded(made[0], format_, save_all=True, append_images=made[1:], duration=10)


def png(side: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 8-bit grey that states this size, with these chunks."""
    head = (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in (head, *chunks, (b"IEND", b"")))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def deflated(size: int) -> bytes:
    """So many zeros, deflated."""
    stream, piece = zlib.compressobj(9), bytes(2**20)
    return b"".join(stream.compress(piece) for _ in range(size // len(piece))) + stream.flush()


def stating(data: bytes, marker: bytes, at: int, size: bytes) -> bytes:
    """A file whose size, so far after a marker, is another one."""
    place = data.index(marker) + at
    return data[:place] + size + data[place + len(size) :]


def _large_jpeg_head() -> bytes:
    return stating(encoded(Image.new("L", (8, 8)), "JPEG"), b"\xff\xc0", 5, struct.pack(">HH", 65500, 65500))


def _scans() -> bytes:
    """A progressive JPEG whose last scan comes a thousand times."""
    data = encoded(Image.new("L", (2000, 2000)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 1000 + data[-2:]


def _large_gif_canvas() -> bytes:
    return stating(encoded(Image.new("L", (8, 8)), "GIF"), b"GIF8", 6, struct.pack("<HH", 65535, 65535))


def _pages(number: int) -> bytes:
    file = BytesIO()
    small = [Image.new("1", (1, 1))] * number
    small[0].save(file, "TIFF", save_all=True, append_images=small[1:])
    return file.getvalue()


def _large_bmp() -> bytes:
    return stating(encoded(Image.new("L", (8, 8)), "BMP"), b"BM", 18, struct.pack("<ii", 60000, 60000))


def _run_length_bmp() -> bytes:
    """One end-of-bitmap, for a picture of 49 million pixels."""
    palette = bytes(1024)
    head = struct.pack("<IiiHHIIiiII", 40, LARGE, LARGE, 1, 8, 1, 2, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + len(palette)) + head + palette + b"\x00\x01"


_HUNDREDS_OF_MB = 2**28
ALL = [
    *(Bomb(f"{name}-{mode}-large", partial(flat, name, mode), frozenset({200}))
      for name, mode in (("PNG", "1"), ("PNG", "RGBA"), ("PNG", "I;16"), ("GIF", "L"), ("WEBP", "RGBA"), ("BMP", "1"),
                         ("JPEG", "CMYK"), ("JPEG", "L"))),
    Bomb("TIFF-large", partial(flat, "TIFF", "RGBA", compression="tiff_deflate"), frozenset({200})),
    Bomb("TIFF-float-large", partial(flat, "TIFF", "F", compression="tiff_deflate"), frozenset({200})),
    Bomb("JPEG-progressive-large", partial(flat, "JPEG", "RGB", progressive=True), frozenset({200})),
    Bomb("AVIF-large", partial(flat, "AVIF", "RGB", speed=10), frozenset({200})),
    Bomb("PNG-too-large", partial(flat, "PNG", "1", TOO_LARGE), REFUSED),
    Bomb("GIF-too-large", partial(flat, "GIF", "L", TOO_LARGE), REFUSED),
    Bomb("WEBP-too-large", partial(flat, "WEBP", "RGB", TOO_LARGE), REFUSED),
    Bomb("TIFF-too-large", partial(flat, "TIFF", "1", TOO_LARGE, compression="group4"), REFUSED),
    Bomb("JPEG-too-large", _large_jpeg_head, REFUSED),
    Bomb("GIF-canvas", _large_gif_canvas, REFUSED),
    Bomb("BMP-too-large", _large_bmp, REFUSED),
    Bomb("BMP-run-length", _run_length_bmp, ODD),
    Bomb("PNG-states-2-to-the-31", lambda: png(2**31 - 1, (b"IDAT", deflated(2**20))), REFUSED),
    Bomb("PNG-pixels-after-the-last", lambda: png(8, (b"IDAT", deflated(_HUNDREDS_OF_MB))), ODD),
    Bomb("PNG-text", lambda: png(8, (b"zTXt", b"a\0\0" + deflated(_HUNDREDS_OF_MB))), ODD),
    Bomb("PNG-profile", lambda: png(8, (b"iCCP", b"a\0\0" + deflated(_HUNDREDS_OF_MB))), ODD),
    Bomb("JPEG-scans", _scans, REFUSED),
    Bomb("TIFF-pages", partial(_pages, 1500), REFUSED),
    Bomb("GIF-frames", partial(animated, "GIF", 1500, 300), ODD),
    Bomb("WEBP-frames", partial(animated, "WEBP", 1500, 16), ODD),
    Bomb("PNG-frames", partial(animated, "PNG", 1500, 16), REFUSED),
    Bomb("WEBP-frames-large", partial(animated, "WEBP", 20, 5000), ODD),
]  # fmt: skip
