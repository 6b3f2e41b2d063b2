"""Picture files with faults: some bytes changed, cut out, doubled or replaced by another file's."""

import random
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from tests.conftest import encoded
from tests.service.api.test_nasty_files import NASTY

_ENDS = {"JPEG": "jpg"}
# Where limits and signs of lengths lie.
_TELLING = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def sources(format_: str) -> list[bytes]:
    """Sound and odd files of a format, small ones."""
    picture = Image.fromarray(np.random.default_rng(3).integers(0, 256, (24, 32, 3), np.uint8))
    made = [encoded(picture.convert(mode), format_) for mode in _modes(format_)]
    end = _ENDS.get(format_, format_.lower())
    return made + [file.read_bytes() for file in NASTY if file.suffix == f".{end}" and 0 < file.stat().st_size < 20_000]


def _modes(format_: str) -> tuple[str, ...]:
    return {
        "PNG": ("RGB", "L", "P", "RGBA", "1", "I;16", "LA"),
        "JPEG": ("RGB", "L", "CMYK"),
        "TIFF": ("RGB", "L", "1", "I;16", "F", "CMYK", "RGBA", "P"),
        "GIF": ("P", "L"),
        "BMP": ("RGB", "L", "P", "1"),
        "WEBP": ("RGB", "RGBA"),
        "AVIF": ("RGB", "RGBA"),
    }[format_]


def of(format_: str, number: int, seed: int) -> Iterator[bytes]:
    """So many mutants of a format's files, the same ones for a seed."""
    return changed(sources(format_), number, random.Random(seed))


def changed(files: list[bytes], number: int, chance: random.Random) -> Iterator[bytes]:
    """So many mutants of these files, none of them empty."""
    for _ in range(number):
        data = bytearray(chance.choice(files))
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            if data:
                chance.choice(_CHANGES)(data, chance, files)
        yield bytes(data) or b"\0"


def _place(data: bytearray, chance: random.Random) -> int:
    """Mostly in the first part, where the headers are."""
    return min(int(chance.expovariate(1 / 40)) if chance.random() < 0.6 else chance.randrange(len(data) + 1), len(data))


def _set(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    at = _place(data, chance)
    data[at : at + 1] = bytes([chance.choice((chance.randrange(256), chance.choice(_TELLING)))])


def _flip(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    if (at := _place(data, chance)) < len(data):
        data[at] ^= 1 << chance.randrange(8)


def _number(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    at, size = _place(data, chance), chance.choice((2, 4))
    value = chance.choice((0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, chance.randrange(2**32)))
    data[at : at + size] = (value % 256**size).to_bytes(size, chance.choice(("little", "big")))


def _cut(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    at = _place(data, chance)
    del data[at : at + chance.choice((1, 4, 100))]


def _end(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _double(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    at = _place(data, chance)
    data[at:at] = data[at : at + chance.choice((1, 4, 100))] * chance.choice((1, 50))


def _splice(data: bytearray, chance: random.Random, files: list[bytes]) -> None:
    other = chance.choice(files)
    data[_place(data, chance) :] = other[chance.randrange(len(other)) :]


_CHANGES: tuple[Callable[[bytearray, random.Random, list[bytes]], None], ...] = (
    _set, _set, _flip, _number, _number, _cut, _end, _double, _splice,
)  # fmt: skip
