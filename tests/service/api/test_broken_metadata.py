"""Broken metadata costs nobody a picture: the answer is that of the same file without it."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from werkzeug.test import Client

from tests.conftest import encoded, golden, png

PREDICT = "/models/mnist/predict"
SEVEN = golden()
# Pillow warns of it; outside the tests that is a line on stderr.
pytestmark = pytest.mark.filterwarnings("ignore:Invalid APNG", "ignore:Image appears to be a malformed MPO")


def image() -> Image.Image:
    return Image.open(BytesIO(SEVEN))


def answered(client: Client, data: bytes) -> dict[str, Any]:
    answer = client.post(PREDICT, data=data)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    prediction: dict[str, Any] = answer.get_json()["predictions"][0]
    return prediction


def same(client: Client, data: bytes, whole: bytes) -> bool:
    return answered(client, data) == answered(client, whole)


def chunk(name: bytes, content: bytes, checksum: int | None = None) -> bytes:
    right = zlib.crc32(name + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", right)


def with_chunk(one: bytes, whole: bytes = SEVEN) -> bytes:
    """A PNG with a chunk behind its head."""
    return whole[:33] + one + whole[33:]


def behind_pixels(one: bytes) -> bytes:
    """A PNG with a chunk before its end."""
    return SEVEN[:-12] + one + SEVEN[-12:]


_LARGE = zlib.compress(bytes(3 * 2**20))
_CHUNKS = {
    b"tEXt": b"Comment\0made",
    b"zTXt": b"Comment\0\0" + zlib.compress(b"made"),
    b"iTXt": b"Comment\0\1\0en\0\0" + zlib.compress(b"made"),
    b"iCCP": b"sRGB\0\0" + zlib.compress(b"profile"),
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"gAMA": struct.pack(">I", 45455),
    b"cHRM": struct.pack(">8I", *[30000] * 8),
    b"sRGB": b"\0",
    b"tIME": struct.pack(">HBBBBB", 2020, 1, 2, 3, 4, 5),
    b"bKGD": b"\0\1",
    b"hIST": b"\0\1" * 4,
    b"sPLT": b"name\0\x08" + bytes(6),
    b"sBIT": b"\5",
    b"eXIf": b"MM\0\x2a\0\0\0\x08\0\0",
    b"tRNS": b"\0\1",
    b"acTL": struct.pack(">II", 1, 0),
    b"fcTL": struct.pack(">IIIIIHHBB", 0, 28, 28, 0, 0, 1, 10, 0, 0),
    b"fdAT": struct.pack(">I", 1) + b"frame",
    b"vpAg": bytes(9),
    b"qqQq": b"private",
}


_ODD = (b"", b"\0", b"\xff" * 3, b"\0" * 7, b"x" * 33, b"\0\1" * 500)


# tRNS must stand before the pixels.
@pytest.mark.parametrize(
    ("name", "behind"),
    [(name, behind) for name in _CHUNKS for behind in (False, True) if name != b"tRNS" or not behind],
)
def test_a_png_chunk_with_a_wrong_checksum_is_passed_over(client: Client, name: bytes, behind: bool) -> None:
    wrong = chunk(name, _CHUNKS[name], 12345)
    assert same(client, behind_pixels(wrong) if behind else with_chunk(wrong), SEVEN)


# Two bytes or more of tRNS say which grey value is transparent.
@pytest.mark.parametrize(
    ("name", "content"),
    [(name, content) for name in _CHUNKS for content in _ODD if name != b"tRNS" or len(content) < 2],
    ids=lambda value: value.decode() if value in _CHUNKS else str(len(value)),
)
def test_a_png_chunk_of_any_odd_content_is_passed_over(client: Client, name: bytes, content: bytes) -> None:
    if name in (b"acTL", b"fcTL", b"fdAT") and len(content) >= 8:
        content = b"\xff" + content
    for odd in (with_chunk(chunk(name, content)), behind_pixels(chunk(name, content))):
        assert same(client, odd, SEVEN)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        (b"zTXt", b"Comment\0\0"),
        (b"zTXt", b"Raw profile type exif\0\0"),
        (b"iTXt", b"Comment\0\1\0\0\0"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0"),
        (b"iCCP", b"Adobe RGB\0\0"),
    ],
)
@pytest.mark.parametrize(
    "stream", [_LARGE, _LARGE[:500], b"", b"no stream", b"\x78\x9c"], ids=["large", "cut", "empty", "none", "head"]
)
def test_a_deflated_png_chunk_is_passed_over_whatever_it_inflates_to(
    client: Client, name: bytes, head: bytes, stream: bytes
) -> None:
    for content in (head + stream, head[:-1] + b"\7" + stream):
        assert same(client, with_chunk(chunk(name, content)), SEVEN)


def test_large_text_behind_the_pixels_of_a_png_is_passed_over(client: Client) -> None:
    assert same(client, behind_pixels(chunk(b"zTXt", b"Comment\0\0" + _LARGE)), SEVEN)


def test_an_animated_png_with_a_broken_frame_is_its_first_frame(client: Client) -> None:
    frames = [image(), Image.new("L", (28, 28), 9), Image.new("L", (28, 28), 99)]
    animated = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
    first = animated.index(b"fcTL")
    numbered = animated[: first + 4] + b"\0\0\0\7" + animated[first + 8 :]
    assert same(client, numbered, SEVEN) and same(client, animated.replace(b"acTL\0\0\0\3", b"acTL\0\0\0\0"), SEVEN)


BROKEN = chunk(b"pHYs", b"odd", 12345)


def test_transparency_stays_beside_a_broken_chunk(client: Client) -> None:
    digit = np.asarray(image())
    palette = Image.fromarray((digit > 99).astype(np.uint8), "P")
    palette.putpalette([0, 0, 0, 255, 255, 255])
    for sent, transparency in ((palette, bytes([0, 255])), (Image.fromarray(digit), 0)):
        whole = encoded(sent, "PNG", transparency=transparency)
        assert b"tRNS" in whole and same(client, with_chunk(BROKEN, whole), whole)
        assert not same(client, whole, SEVEN)


@pytest.mark.parametrize("by", ["eXIf", "XMP", "raw profile"])
def test_the_orientation_stays_beside_a_broken_chunk(client: Client, by: str) -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    xmp = b"XML:com.adobe.xmp\0\0\0\0\0" + b'<x tiff:Orientation="6"/>' + b" " * 2000
    raw = b"\nexif\n%8d\n%s\n" % (len(exif.tobytes()), exif.tobytes().hex().encode())
    turned = {
        "eXIf": encoded(image(), "PNG", exif=exif),
        "XMP": with_chunk(chunk(b"iTXt", xmp)),
        "raw profile": with_chunk(chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw))),
    }[by]
    assert same(client, with_chunk(BROKEN, turned), turned) and not same(client, turned, SEVEN)


def test_a_suggested_palette_with_a_wrong_checksum_is_passed_over(client: Client) -> None:
    whole = png(image().convert("RGB"))
    assert same(client, with_chunk(chunk(b"PLTE", bytes(6), 12345), whole), whole)


def segment(kind: int, content: bytes, size: int | None = None) -> bytes:
    return bytes([0xFF, kind]) + struct.pack(">H", len(content) + 2 if size is None else size) + content


def tiff(*entries: tuple[int, int, int, int]) -> bytes:
    """A TIFF directory of tags: number, type, count and value or offset."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + bytes(4)


def with_segment(one: bytes, whole: bytes) -> bytes:
    """A JPEG with a segment before all others."""
    return whole[:2] + one + whole[2:]


def jpeg() -> bytes:
    return encoded(image().convert("RGB"), "JPEG", quality=95)


_CONTENTS: dict[str, bytes] = {
    "empty": b"", "one": b"\1", "text": b"garbage", "markers": b"\xff\xd8\xff\xda\xff\xd9" * 9, "zeros": bytes(100),
    "ones": b"\xff" * 100, "large": b"y" * 40_000,
}  # fmt: skip
_IDENTIFIERS = {
    "JFIF": (0xE0, b"JFIF\0"), "JFIF cut": (0xE0, b"JFIF"), "EXIF": (0xE1, b"Exif\0\0"),
    "XMP": (0xE1, b"http://ns.adobe.com/xap/1.0/\0"), "XMP extension": (0xE1, b"http://ns.adobe.com/xmp/extension/\0"),
    "ICC": (0xE2, b"ICC_PROFILE\0"), "MPF": (0xE2, b"MPF\0"), "FlashPix": (0xE2, b"FPXR\0"),
    "Photoshop": (0xED, b"Photoshop 3.0\0"), "Photoshop resource": (0xED, b"Photoshop 3.0\0008BIM\x03\xed\0\0"),
    "Adobe": (0xEE, b"Adobe"), "comment": (0xFE, b""), **{f"APP{number}": (0xE0 + number, b"") for number in range(16)},
}  # fmt: skip


# Seven bytes or more of Adobe's say how to read the colours.
@pytest.mark.parametrize(
    ("name", "content"),
    [(name, text) for name in _IDENTIFIERS for text in _CONTENTS if name != "Adobe" or len(_CONTENTS[text]) < 7],
)
def test_a_broken_segment_of_a_jpeg_is_passed_over(client: Client, name: str, content: str) -> None:
    kind, identifier = _IDENTIFIERS[name]
    assert same(client, with_segment(segment(kind, identifier + _CONTENTS[content]), jpeg()), jpeg())


@pytest.mark.parametrize("kind", range(0xE0, 0xF0))
@pytest.mark.parametrize("size", [0, 1])
def test_a_segment_of_a_jpeg_that_states_no_length_is_passed_over(client: Client, kind: int, size: int) -> None:
    assert same(client, with_segment(segment(kind, b"", size), jpeg()), jpeg())


@pytest.mark.parametrize(
    "entry",
    [
        (0x11A, 2, 4, 0x61616161), (0x11A, 5, 0, 0), (0x11A, 5, 1, 9999), (0x11A, 3, 2, 7), (0x128, 5, 1, 9999),
        (0x8769, 4, 1, 8), (0x11A, 99, 1, 0), (0x11A, 5, 2**31, 8),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_odd_tags_cost_neither_the_picture_nor_its_orientation(
    client: Client, entry: tuple[int, int, int, int]
) -> None:
    odd = segment(0xE1, b"Exif\0\0" + tiff((0x112, 3, 1, 6), entry, (0x128, 3, 1, 2)))
    turned = segment(0xE1, b"Exif\0\0" + tiff((0x112, 3, 1, 6)))
    unlabelled = jpeg()[:2] + jpeg()[20:]
    assert same(client, with_segment(odd, unlabelled), with_segment(turned, jpeg()))
    assert not same(client, with_segment(turned, jpeg()), jpeg())


def test_the_orientation_stays_beside_a_broken_segment(client: Client) -> None:
    exif = with_segment(segment(0xE1, b"Exif\0\0" + tiff((0x112, 3, 1, 6))), jpeg())
    xmp = with_segment(segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'), jpeg())
    for turned in (exif, xmp):
        assert same(client, with_segment(segment(0xE2, b"ICC_PROFILE\0"), turned), turned)
        assert not same(client, turned, jpeg())


def test_an_index_of_more_pictures_than_there_are_costs_nothing(client: Client) -> None:
    entries = struct.pack("<LLLHH", 0x030000, 100, 0, 0, 0) * 2000
    directory = tiff((0xB001, 4, 1, 2000), (0xB002, 7, len(entries), 38))
    for index in (directory + entries, directory, tiff((0xB001, 4, 1, 2**31)), tiff((0xB001, 2, 4, 0x61616161))):
        assert same(client, with_segment(segment(0xE2, b"MPF\0" + index), jpeg()), jpeg())


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def riff_chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    stated = struct.pack("<I", len(content) if size is None else size)
    return name + stated + content + b"\0" * (len(content) % 2)


def extended(flags: int) -> bytes:
    return riff_chunk(b"VP8X", bytes([flags, 0, 0, 0, 27, 0, 0, 27, 0, 0]))


_WEBP: dict[str, Callable[[bytes], bytes]] = {
    "profile": lambda pixels: riff(extended(0x20), riff_chunk(b"ICCP", b"garbage"), pixels),
    "empty profile": lambda pixels: riff(extended(0x20), riff_chunk(b"ICCP", b""), pixels),
    "profile missing": lambda pixels: riff(extended(0x20), pixels),
    "two profiles": lambda pixels: riff(extended(0x20), riff_chunk(b"ICCP", b"a"), riff_chunk(b"ICCP", b"b"), pixels),
    "EXIF": lambda pixels: riff(extended(0x08), pixels, riff_chunk(b"EXIF", b"garbage")),
    "EXIF missing": lambda pixels: riff(extended(0x08), pixels),
    "EXIF cut": lambda pixels: riff(extended(0x08), pixels, riff_chunk(b"EXIF", bytes(100)))[:-50],
    "EXIF not padded": lambda pixels: riff(extended(0x08), pixels, b"EXIF\5\0\0\0abcde"),
    "EXIF too long": lambda pixels: riff(extended(0x08), pixels, riff_chunk(b"EXIF", b"abcd", 1000)),
    "XMP": lambda pixels: riff(extended(0x04), pixels, riff_chunk(b"XMP ", b"\xff<x")),
    "XMP too long": lambda pixels: riff(extended(0x04), pixels, riff_chunk(b"XMP ", b"<x>", 2**31)),
    "unknown": lambda pixels: riff(extended(0), riff_chunk(b"abcd", b"xyz"), pixels),
    "unknown too long": lambda pixels: riff(extended(0), pixels, riff_chunk(b"abcd", b"xyz", 2**31)),
    "too large": lambda pixels: riff(pixels, size=len(pixels) + 400),
    "too small": lambda pixels: riff(pixels, size=len(pixels) - 4),
    "odd": lambda pixels: riff(pixels, size=len(pixels) + 5),
    "none": lambda pixels: riff(pixels, size=0),
}


@pytest.mark.parametrize("made", _WEBP)
def test_broken_chunks_beside_the_pixels_of_a_webp_are_passed_over(client: Client, made: str) -> None:
    whole = encoded(image().convert("RGB"), "WEBP", quality=95)
    assert same(client, _WEBP[made](whole[12:]), whole)


def test_the_orientation_of_a_webp_stays_beside_a_broken_chunk(client: Client) -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    whole = encoded(image().convert("RGB"), "WEBP", quality=95, exif=exif)
    assert same(client, whole + b"XMP \xff\xff\xff\x7f", whole)
    assert same(client, whole[:4] + b"\xff\xff\xff\x7f" + whole[8:], whole)


def test_the_exif_of_an_avif_costs_nothing(client: Client) -> None:
    colour = image().convert("RGB")
    with_exif = encoded(colour, "AVIF", exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0")
    assert same(client, with_exif.replace(b"II*\0", b"junk"), encoded(colour, "AVIF"))
