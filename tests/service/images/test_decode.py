"""A file that is broken, above a limit or no picture is a named fault; what is only odd is a picture."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from service.errors import BrokenImage, EmptyImage, ImageTooLarge, UnsupportedFormat
from service.images.decode import FORMATS, Limits, decode
from tests.conftest import encoded, png

# A photo of Apple's: the same container as AVIF, another codec.
HEIC = b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf" + b"\0" * 100
LIMITS = Limits(max_bytes=2**20, max_pixels=2**20, max_frames=10)


@pytest.mark.parametrize("name", ["PPM", "ICO", "TGA", "PCX", "PDF"])
def test_formats_that_pillow_knows_and_we_do_not_accept_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedFormat, match="PNG, JPEG"):
        decode(encoded(Image.new("RGB", (40, 30)), name), LIMITS)


@pytest.mark.parametrize(
    "data", [b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\0" * 100, b"BMW builds cars", HEIC]
)
def test_content_that_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        decode(data, LIMITS)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (HEIC, "HEIC, which iPhones write unless Settings > Camera > Formats says Most Compatible, is not accepted"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC, "),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a film is not accepted"),
        (b"\x1a\x45\xdf\xa3", "a film"),
        (b"%PDF-1.7", "a PDF is not accepted; save it as one of PNG, JPEG"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg>', "SVG"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    ],
)
def test_what_people_take_for_a_picture_is_named(data: bytes, named: str) -> None:
    with pytest.raises(UnsupportedFormat, match=f"^{named}"):
        decode(data, LIMITS)


def test_an_empty_file_is_named_as_such() -> None:
    with pytest.raises(EmptyImage):
        decode(b"", LIMITS)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_with_hardly_any_pixels_is_broken_not_unsupported(name: str) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = encoded(noise, name)
    with pytest.raises(BrokenImage):
        decode(data[: len(data) // 20], LIMITS)


@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        b"BM" + b"\0" * 12 + b"\x28\0\0\0",
        b"II*\0",
        b"RIFF\0\0\0\0WEBPVP8 ",
    ],
)
def test_a_signature_with_garbage_behind_it_is_broken(head: bytes) -> None:
    with pytest.raises(BrokenImage):
        decode(head + b"garbage" * 10, LIMITS)


def test_pixels_are_judged_from_the_header_alone() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    bomb += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    with pytest.raises(ImageTooLarge):
        decode(bomb, LIMITS)


def test_a_picture_above_the_pixel_limit_is_told_both_figures() -> None:
    with pytest.raises(ImageTooLarge, match="1025×1025 pixels; at most 1048576"):
        decode(png(Image.new("L", (1025, 1025))), LIMITS)


def test_a_file_above_the_byte_limit_is_refused_before_it_is_opened() -> None:
    with pytest.raises(ImageTooLarge, match="bytes"):
        decode(b"x" * (LIMITS.max_bytes + 1), LIMITS)


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_too_many_frames_are_refused(name: str) -> None:
    frames = [Image.new("RGB", (8, 8), (n * 10, 0, 0)) for n in range(12)]
    data = encoded(frames[0], name, save_all=True, append_images=frames[1:])
    with pytest.raises(ImageTooLarge, match="more than 10 frames"):
        decode(data, LIMITS)


def test_broken_metadata_beside_a_good_picture_is_ignored() -> None:
    data = png(Image.new("L", (8, 8), 9))
    chunk = b"eXIfxxxx"
    broken = data[:33] + struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]
    assert decode(broken, LIMITS).image.getpixel((0, 0)) == 9


def test_a_big_jpeg_is_decoded_at_a_fraction_of_its_size() -> None:
    big = Limits(2**24, 2**24, 1)
    picture = decode(encoded(Image.new("RGB", (4000, 3000), "teal"), "JPEG"), big)
    assert picture.image.size == (500, 375) and picture.source_pixels == 12_000_000
    assert [step.code for step in picture.steps] == ["reduced"]


@pytest.mark.parametrize("progressive", [False, True])
def test_what_follows_a_jpeg_is_no_scan_of_it(progressive: bool) -> None:
    data = encoded(Image.new("RGB", (300, 200), "teal"), "JPEG", progressive=progressive)
    assert decode(data + b"\xff\xda" * 1000, LIMITS).image.size == (300, 200)


@pytest.mark.parametrize("size", [(1, 100_000), (100_000, 1), (40_000, 30)])
def test_no_side_stays_absurdly_long(size: tuple[int, int]) -> None:
    assert max(decode(png(Image.new("RGBA", size)), Limits(2**24, 2**24, 1)).image.size) <= 16384


def test_a_jpeg_with_another_behind_it_is_a_jpeg() -> None:
    first, second = Image.new("RGB", (2000, 1500), "teal"), Image.new("RGB", (100, 100))
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    assert decode(data, Limits(2**24, 2**24, 2)).image.size == (500, 375)


def test_a_jpeg_of_countless_scans_is_refused_before_it_is_decoded() -> None:
    data = encoded(
        Image.fromarray(np.eye(64, dtype=np.uint8) * 255), "JPEG", progressive=True, comment=b"\xff\xda" * 500
    )
    last_scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(ImageTooLarge, match="scans"):
        decode(data[:-2] + last_scan * 200 + data[-2:], LIMITS)
    assert decode(data[:-2] + last_scan * 3 + data[-2:], LIMITS).image.size == (64, 64)
