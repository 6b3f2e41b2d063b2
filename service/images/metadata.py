"""A file without the metadata that its pixels do not need, for files in which the metadata is broken.

What decides how the pixels look stays: transparency, orientation, and the segments that state a JPEG's colours.
"""

import itertools
import re
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from service.images import jpeg_segments

_PNG_COLOUR_TYPE_AT, _PALETTE = 25, 3
# How many bytes a tRNS chunk has, for each colour type that can have one.
_TRANSPARENCY_BYTES = {0: range(2, 3), 2: range(6, 7), _PALETTE: range(1, 257)}
# Text in which Pillow looks for an orientation.
_ORIENTED_BY = frozenset({b"Raw profile type exif", b"XML:com.adobe.xmp"})
_MAX_KEYWORD_BYTES = 79
# Deflate shrinks at most 1032 times, so this inflates to less than the MiB at which Pillow refuses a text.
_MAX_DEFLATED_BYTES = 1000
# Before the first scan; a large profile takes 255 of them.
_MAX_JPEG_SEGMENTS = 10_000
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_WEBP_PIXELS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"})
_WEBP_EXIF, _WEBP_XMP, _WEBP_FLAGS_AT = b"EXIF", b"XMP ", 8
# Of VP8X's flags: animation and alpha.
_WEBP_PIXEL_FLAGS = 0b00010010


class Stripped(NamedTuple):
    """A file, and the metadata to be read from beside it, by the names that Pillow has for it."""

    data: bytes
    info: dict[str, bytes]


def without_metadata(data: bytes) -> Stripped:
    """The file with the chunks or segments that its pixels need.

    What ends a JPEG and a BMP is added: their decoders give nothing, or not all, of a file that lacks only that.
    """
    for signature, strip in _FORMATS:
        if signature.match(data):
            return strip(data)
    return Stripped(data, {})


def _png(data: bytes) -> Stripped:
    view = memoryview(data)
    colour_type = data[_PNG_COLOUR_TYPE_AT] if len(data) > _PNG_COLOUR_TYPE_AT else 0
    chunks = [view[start:end] for start, end in _png_chunks(data) if _is_needed(view[start:end], colour_type)]
    return Stripped(b"".join([view[:8], *chunks]), {})


def _png_chunks(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each chunk begins and ends, up to IEND; the end of the last one may lie behind the data."""
    start = 8
    while start + 8 <= len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4])
        yield start, end
        if data[start + 4 : start + 8] == b"IEND":
            return
        start = end


def _is_needed(chunk: memoryview, colour_type: int) -> bool:
    """Whether a PNG chunk decides how the pixels look; one with a wrong checksum does not, as in libpng."""
    name, content = bytes(chunk[4:8]), chunk[8:-4]
    if name == b"PLTE":
        return colour_type == _PALETTE
    if name[:1].isupper():
        return True
    if name == b"tRNS":
        needed = len(content) in _TRANSPARENCY_BYTES.get(colour_type, ())
    else:
        needed = name == b"eXIf" or _is_orienting_text(name, content)
    return needed and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])


def _is_orienting_text(name: bytes, content: memoryview) -> bool:
    keyword, _, rest = bytes(content[: _MAX_KEYWORD_BYTES + 2]).partition(b"\0")
    if keyword not in _ORIENTED_BY:
        return False
    # The byte behind the keyword: for zTXt the method, of which there is one; for iTXt whether it is compressed.
    zero, short = rest.startswith(b"\0"), len(content) <= _MAX_DEFLATED_BYTES
    return name == b"tEXt" or (name == b"zTXt" and zero and short) or (name == b"iTXt" and (zero or short))


def _jpeg(data: bytes) -> Stripped:
    view, exif, info = memoryview(data), list[bytes](), dict[str, bytes]()
    kept: list[bytes | memoryview] = [view[:2]]
    for kind, start, end in itertools.islice(jpeg_segments.segments(data), _MAX_JPEG_SEGMENTS):
        if kind == jpeg_segments.START_OF_SCAN:
            if exif:
                info["exif"] = _EXIF + b"".join(exif)
            return Stripped(b"".join([*kept, view[start:], jpeg_segments.END]), info)
        content = data[start + 4 : end]
        if not jpeg_segments.is_metadata(kind) or jpeg_segments.states_colours(kind, content):
            kept.append(view[start:end])
        elif content.startswith(_EXIF):
            exif.append(content[len(_EXIF) :])
        elif content.startswith(_XMP):
            info["xmp"] = content[len(_XMP) :]
    return Stripped(data, {})


def _webp(data: bytes) -> Stripped:
    kept, info = list[bytes](), dict[str, bytes]()
    for name, chunk in _webp_chunks(data):
        if name == b"VP8X":
            flags = chunk[_WEBP_FLAGS_AT] & _WEBP_PIXEL_FLAGS if len(chunk) > _WEBP_FLAGS_AT else 0
            chunk = chunk[:_WEBP_FLAGS_AT] + bytes([flags]) + chunk[_WEBP_FLAGS_AT + 1 :]
        if name in _WEBP_PIXELS:
            kept.append(chunk)
        elif name in (_WEBP_EXIF, _WEBP_XMP):
            info["exif" if name == _WEBP_EXIF else "xmp"] = chunk[8:]
    body = b"WEBP" + b"".join(kept)
    return Stripped(b"RIFF" + len(body).to_bytes(4, "little") + body, info)


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and bytes of each chunk, with the padding that one of odd length must have."""
    start = 12
    while start + 8 <= len(data):
        size = int.from_bytes(data[start + 4 : start + 8], "little")
        end = start + 8 + size
        yield data[start : start + 4], data[start:end] + b"\0" * (size % 2)
        start = end + size % 2


def _bmp(data: bytes) -> Stripped:
    """With the zeros that fill up the last row, which some programs leave out."""
    return Stripped(data + bytes(3), {})


def _avif(data: bytes) -> Stripped:
    """With the EXIF under a name that nobody reads: the orientation of the pixels is stated by the container."""
    return Stripped(data.replace(b"Exif", b"skip"), {})


_FORMATS: tuple[tuple[re.Pattern[bytes], Callable[[bytes], Stripped]], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), _webp),
    (re.compile(rb"BM"), _bmp),
    (re.compile(rb".{4}ftyp", re.DOTALL), _avif),
)
