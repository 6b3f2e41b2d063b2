"""What each format and mode of a picture comes to: upright, 8 bits a channel, laid over white."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image

from service.images.decode import FORMATS, Limits, decode
from service.images.deep import to_8_bits
from tests.conftest import encoded, png
from tests.service.images.test_decode import LIMITS


def codes(data: bytes) -> list[str]:
    return [step.code for step in decode(data, LIMITS).steps]


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data, LIMITS).image)


@pytest.mark.parametrize("name", FORMATS)
def test_every_accepted_format_is_decoded(name: str) -> None:
    red = Image.new("RGB", (40, 30), (200, 20, 20))
    picture = decode(encoded(red, name), LIMITS)
    assert picture.image.size == (40, 30)
    assert np.abs(np.asarray(picture.image.convert("RGB")).astype(int) - (200, 20, 20)).max() < 12


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "AVIF", "GIF"])
def test_the_first_frame_of_an_animation_is_used(name: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "green")]
    data = encoded(frames[0], name, save_all=True, append_images=frames[1:])
    red, _, blue = pixels(data)[8, 8]
    assert red > 240 and blue < 15


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "TIFF", "AVIF", "PNG"])
def test_a_turned_picture_is_turned_back_once_in_every_format(name: str) -> None:
    upright = Image.new("RGB", (64, 32), "white")
    upright.paste("black", (0, 0, 16, 16))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    array = pixels(encoded(upright.transpose(Image.Transpose.ROTATE_90), name, exif=exif))
    assert array.shape[:2] == (32, 64) and array[8, 8, 0] < 20 and array[8, 40, 0] > 235


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    upright = Image.new("RGB", (32, 16), "white")
    upright.paste("black", (0, 0, 8, 8))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # EXIF orientation → the transpose that stores it so
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture = decode(encoded(stored, "PNG", exif=exif), LIMITS)
    assert np.array_equal(np.asarray(picture.image), np.asarray(upright))
    assert ("oriented" in [step.code for step in picture.steps]) == (orientation > 1)


def test_transparency_is_laid_over_white() -> None:
    image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 5, 5))
    image.paste((0, 0, 255, 255), (5, 5, 10, 10))
    array = pixels(png(image))
    assert array[0, 9].tolist() == [255, 255, 255] and array[0, 0].tolist() == [255, 0, 0]
    assert codes(png(image)) == ["alpha_white"]


def test_transparency_is_laid_over_black_where_white_would_hide_what_is_visible() -> None:
    image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    image.paste((255, 255, 255, 255), (0, 0, 5, 10))
    image.paste((225, 220, 215, 255), (5, 0, 8, 10))
    array = pixels(png(image))
    assert array[0, 0].tolist() == [255, 255, 255] and array[0, 9].tolist() == [0, 0, 0]
    assert codes(png(image)) == ["alpha_black"]


@pytest.mark.parametrize("ink", [0, 255])
def test_opacity_is_the_ink_where_colours_carry_nothing(ink: int) -> None:
    image = Image.new("LA", (10, 10), (ink, 0))
    image.paste((ink, 255), (2, 2, 5, 5))
    array = pixels(png(image))
    assert array[3, 3] == 0 and array[9, 9] == 255
    assert codes(png(image)) == ["alpha_ink"]


def test_a_fully_opaque_alpha_channel_is_dropped() -> None:
    assert decode(png(Image.new("LA", (5, 5), (77, 255))), LIMITS).image.mode == "L"
    assert pixels(png(Image.new("RGBA", (5, 5), (1, 2, 3, 255))))[0, 0].tolist() == [1, 2, 3]


def test_a_transparent_palette_entry_is_transparency() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([9, 9, 9, 200, 100, 0, 0, 100, 200])
    image.putpixel((1, 1), 1)
    image.putpixel((2, 2), 2)
    array = pixels(encoded(image, "PNG", transparency=0))
    assert array[0, 0].tolist() == [255, 255, 255] and array[1, 1].tolist() == [200, 100, 0]


def test_a_grey_palette_gives_grey_and_a_coloured_one_colour() -> None:
    grey = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).convert("P")
    assert np.array_equal(pixels(png(grey)), np.arange(256).reshape(16, 16))
    coloured = Image.new("P", (4, 4), 1)
    coloured.putpalette([0, 0, 0, 200, 100, 0])
    assert pixels(png(coloured))[0, 0].tolist() == [200, 100, 0]


def test_cmyk_becomes_rgb() -> None:
    picture = decode(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"), LIMITS)
    red, green, _ = np.asarray(picture.image)[0, 0]
    assert picture.image.mode == "RGB" and red > 200 and green < 60


def test_sixteen_bits_are_divided_not_clipped() -> None:
    deep = Image.fromarray(np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8))
    assert np.array_equal(pixels(png(deep)).ravel(), np.rint(np.linspace(0, 65535, 64, dtype=np.uint16) / 257))
    assert codes(png(deep)) == ["16_bit"]


def test_a_transparent_grey_of_16_bits_is_transparency() -> None:
    deep = np.full((8, 8), 30_000, np.uint16)
    deep[2:4, 2:4], deep[5, 5] = 7, 60_000
    array = pixels(encoded(Image.fromarray(deep), "PNG", transparency=7))
    assert array[2, 2] == 255 and array[0, 0] == 117 and array[5, 5] == 233


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_32_bit_values_run_from_darkest_to_lightest(kind: type) -> None:
    values: np.ndarray = np.array([[-1000, 0], [500, 1000]], kind)
    assert pixels(encoded(Image.fromarray(values), "TIFF")).tolist() == [[0, 128], [191, 255]]


def test_not_a_number_is_not_a_crash() -> None:
    values = np.array([[np.nan, np.inf], [0, 1]], np.float32)
    assert pixels(encoded(Image.fromarray(values), "TIFF")).max() == 255


def test_one_bit_pictures_become_black_and_white() -> None:
    assert set(np.unique(pixels(png(Image.new("1", (4, 4), 1))))) == {255}


@pytest.mark.parametrize("side", [100, 1000])
def test_a_transparent_colour_is_transparent_at_every_size(side: int) -> None:
    stripes = np.zeros((side, side, 3), np.uint8)
    stripes[::2], stripes[1::4] = (255, 0, 255), (0, 90, 0)
    array = pixels(encoded(Image.fromarray(stripes), "PNG", transparency=(255, 0, 255)))
    assert np.abs(array.mean(axis=(0, 1)) - (127.5, 150, 127.5)).max() < 2
    grey = np.full((side, side), 128, np.uint8)
    grey[::2, ::2], grey[1::2, ::2] = 0, 255
    assert abs(pixels(encoded(Image.fromarray(grey), "PNG", transparency=128)).mean() - 191) < 2


@pytest.mark.parametrize(("bits", "key"), [(2, 2), (4, 10)])
def test_a_transparent_grey_of_few_bits_is_transparent(bits: int, key: int) -> None:
    rows = b"".join(b"\0" + bytes([sum(key << shift for shift in range(0, 8, bits))] * 4) for _ in range(4))
    width = 4 * 8 // bits

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 4, bits, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"tRNS", struct.pack(">H", key))
    assert (pixels(data + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")) == 255).all()


@pytest.mark.parametrize("side", [20, 1000])
def test_32_bit_values_mean_the_same_at_every_size(side: int) -> None:
    values = np.full((side, side), 200, np.int32)
    values[::10] = 300
    assert abs(pixels(encoded(Image.fromarray(values), "TIFF", compression="tiff_deflate")).mean() - 1) < 0.3


def tiff(values: np.ndarray, **tags: int) -> Image.Image:
    """A TIFF as it is opened, with some of its tags stated otherwise."""
    image = Image.open(BytesIO(encoded(Image.fromarray(values), "TIFF")))
    image.load()
    for name, value in tags.items():
        image.tag_v2[{"bits": 258, "photometric": 262, "format": 339}[name]] = value  # type: ignore[attr-defined]
    return image


def test_twelve_bits_fill_the_range() -> None:
    image, (step,) = to_8_bits(tiff(np.array([[0, 2048], [4095, 4095]], np.uint16), bits=12))
    assert np.asarray(image).tolist() == [[0, 128], [255, 255]] and step.code == "12_bit"


def test_white_is_zero_is_heeded_in_16_bits() -> None:
    assert np.asarray(to_8_bits(tiff(np.array([[0, 65535]], np.uint16), photometric=0))[0]).tolist() == [[255, 0]]


def test_unsigned_32_bits_do_not_wrap_around() -> None:
    values = np.linspace(0, 2**32 - 1, 64, dtype=np.uint32).view(np.int32).reshape(8, 8)
    array = np.asarray(to_8_bits(tiff(values, format=1))[0]).ravel().astype(int)
    assert (np.diff(array) > 0).all() and array[0] == 0 and array[-1] == 255


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_a_big_picture_of_any_mode_is_averaged_down(mode: str) -> None:
    name = "TIFF" if mode in ("CMYK", "I", "F") else "PNG"
    picture = decode(encoded(Image.new(mode, (1500, 1000)), name), Limits(2**24, 2**24, 1))
    assert picture.image.size == (500, 334) and picture.image.mode in ("L", "RGB")


def test_a_data_set_picture_keeps_every_grey_level() -> None:
    array = np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)
    for name in ("PNG", "WEBP", "BMP", "TIFF", "GIF"):
        options = {"lossless": True} if name == "WEBP" else {}
        decoded = decode(encoded(Image.fromarray(array), name, **options), LIMITS).image.convert("L")
        assert np.array_equal(np.asarray(decoded), array), name


def bmp(header: int, alpha: int) -> bytes:
    """A 32-bit BMP, red above blue, with an alpha mask in a header of this size."""
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", header, 8, 8, 1, 32, 3, 256, 0, 0, 0, 0) + masks
    head += bytes(header - len(head))
    rows = bytes([255, 0, 0, alpha]) * 32 + bytes([0, 0, 255, alpha]) * 32
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(rows), 0, 0, 14 + len(head)) + head + rows


@pytest.mark.parametrize("header", [56, 108, 124])
def test_a_bmp_whose_alpha_is_0_everywhere_is_opaque(header: int) -> None:
    assert np.array_equal(pixels(bmp(header, 0)), pixels(bmp(header, 255)))
    assert pixels(bmp(header, 0))[0, 0].tolist() == [255, 0, 0]


def test_alpha_that_is_not_0_everywhere_counts_in_a_bmp() -> None:
    data = bytearray(bmp(108, 0))
    data[-1] = 255
    assert "alpha" in codes(bytes(data))[0]


@pytest.mark.parametrize("name", ["PNG", "WEBP", "GIF", "TIFF"])
def test_other_pictures_may_be_wholly_transparent(name: str) -> None:
    hidden = Image.new("RGBA", (9, 9), (200, 10, 10, 0))
    assert codes(encoded(hidden, name, **({"lossless": True, "exact": True} if name == "WEBP" else {}))) == [
        "alpha_white"
    ]
