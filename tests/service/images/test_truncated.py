"""A file that ends too early is the picture that is there, with a warning; one that lacks only its end is whole."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from service.errors import BrokenImage
from service.images import kinds
from service.images.decode import Limits, Picture, decode
from tests.conftest import encoded, golden, png

LIMITS = Limits(max_bytes=2**24, max_pixels=2**24, max_frames=10)
END = b"\xff\xd9"
# What makes a JPEG of each sort, by the options of its encoder.
JPEGS: dict[str, dict[str, object]] = {
    "baseline": {},
    "without subsampling": {"subsampling": 0},
    "with restarts": {"restart_marker_rows": 1},
    "grey": {},
    "CMYK": {},
    "progressive": {"progressive": True},
    "large": {},
}


def scene(width: int = 320, height: int = 240) -> Image.Image:
    """A picture with something in every row."""
    rows, columns = np.mgrid[:height, :width]
    noise = np.random.default_rng(4).integers(-30, 30, (height, width))
    channels = (rows * 200 // height + 40, columns * 200 // width + 40, 128 + noise)
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def jpeg(sort: str) -> bytes:
    image = scene(2000, 1500) if sort == "large" else scene()
    return encoded(image.convert({"grey": "L", "CMYK": "CMYK"}.get(sort, "RGB")), "JPEG", **JPEGS[sort])


def pixels(picture: Picture) -> np.ndarray:
    return np.asarray(picture.image)


def scan(data: bytes) -> int:
    """Where the data of the first scan begin."""
    return data.index(b"\xff\xda") + 14


@pytest.mark.parametrize("sort", JPEGS)
@pytest.mark.parametrize("lacking", [1, 2])
def test_a_jpeg_that_lacks_only_its_end_is_whole(sort: str, lacking: int) -> None:
    whole = decode(jpeg(sort), LIMITS)
    found = decode(jpeg(sort)[:-lacking], LIMITS)
    assert np.array_equal(pixels(found), pixels(whole)) and not found.warnings and found.subject


@pytest.mark.parametrize("sort", sorted(JPEGS.keys() - {"progressive"}))
@pytest.mark.parametrize("end", [b"", END, END + b"\xff\xd8\xff\xdb rest of it" + END])
@pytest.mark.parametrize("there", [0.9, 0.6, 0.4])
def test_a_jpeg_that_is_cut_is_what_is_there_whatever_it_ends_with(sort: str, end: bytes, there: float) -> None:
    data = jpeg(sort)
    whole, found = (
        decode(data, LIMITS),
        decode(data[: scan(data) + int(there * (len(data) - scan(data)))] + end, LIMITS),
    )
    (warning,) = found.warnings
    assert warning.code == "truncated" and "cut off" in warning.text
    assert found.subject == (there == 0.9)
    height = found.image.height
    assert abs(height / whole.image.height - there) < 0.15 and found.image.width == whole.image.width
    # The last blocks may be there in part.
    assert np.array_equal(pixels(found)[: height - 16], pixels(whole)[: height - 16])


def test_a_progressive_jpeg_that_is_cut_lacks_detail() -> None:
    data = jpeg("progressive")
    found = decode(data[: len(data) * 2 // 3], LIMITS)
    assert "detail" in found.warnings[0].text and found.subject and found.image.size == (320, 240)
    # The first scan holds a coarse picture.
    first = data[: scan(data) + (data.index(b"\xff\xda", scan(data)) - scan(data)) // 3]
    for end in (b"", END):
        found = decode(first + end, LIMITS)
        assert found.warnings and not found.subject and found.image.height < 240


@pytest.mark.parametrize("level", [127, 128])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_whole_jpeg_with_a_grey_ground_is_whole(level: int, options: dict[str, object]) -> None:
    image = Image.new("RGB", (160, 120), (level,) * 3)
    image.paste("red", (30, 30, 90, 60))
    assert not decode(encoded(image, "JPEG", **options), LIMITS).warnings
    assert not decode(encoded(image, "JPEG", **options)[:-2], LIMITS).warnings


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "I;16"])
@pytest.mark.parametrize("there", [0.9, 0.5])
def test_a_png_with_a_part_of_its_pixels_is_that_part(mode: str, there: float) -> None:
    image = scene().convert("L" if mode == "I;16" else mode).convert(mode)
    data = png(image)
    whole, found = decode(data, LIMITS), decode(data[: int(there * len(data))], LIMITS)
    assert [warning.code for warning in found.warnings] == ["truncated"] and found.subject == (there == 0.9)
    height = found.image.height
    assert abs(height / 240 - there) < 0.15
    assert np.array_equal(pixels(found)[: height - 1], pixels(whole)[: height - 1])


@pytest.mark.parametrize("name", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_what_is_there_too(name: str) -> None:
    data = encoded(scene(), name, **({"interlace": 0} if name == "GIF" else {}))
    found = decode(data[: int(0.85 * len(data))], LIMITS)
    assert found.warnings and found.subject and 180 <= found.image.height <= 220
    assert not decode(data[: len(data) // 2], LIMITS).subject


@pytest.mark.parametrize("name", ["GIF", "PNG"])
def test_an_interlaced_picture_lacks_rows_in_between(name: str) -> None:
    data = encoded(scene(), "GIF") if name == "GIF" else interlaced(scene().convert("L"))
    assert decode(data, LIMITS).warnings == ()
    assert (
        len(decode(data[: len(data) // 2], LIMITS).warnings) > 0 and not decode(data[: len(data) // 2], LIMITS).subject
    )


def interlaced(grey: Image.Image) -> bytes:
    """An 8-bit grey PNG in the seven passes of Adam7."""
    array, passes = np.asarray(grey), bytearray()
    steps = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    for top, left, down, across in steps:
        for row in array[top::down, left::across]:
            passes += b"\0" + row.tobytes()
    head = struct.pack(">IIBBBBB", grey.width, grey.height, 8, 0, 0, 0, 1)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(passes))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def test_a_bmp_that_lacks_what_fills_up_its_last_row_is_whole() -> None:
    data = encoded(scene(33, 20), "BMP")
    assert not decode(data[:-1], LIMITS).warnings
    assert np.array_equal(pixels(decode(data[:-1], LIMITS)), pixels(decode(data, LIMITS)))


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.05])
def test_a_file_with_hardly_any_pixels_is_broken(name: str, share: float) -> None:
    data = encoded(scene(), name)
    with pytest.raises(BrokenImage):
        decode(data[: 40 + int(share * len(data))], LIMITS)


def test_a_png_whose_pixels_are_spoiled_is_broken() -> None:
    data = bytearray(png(scene()))
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    with pytest.raises(BrokenImage):
        decode(bytes(data), LIMITS)


@pytest.mark.parametrize("kind", kinds.names())
def test_what_is_missing_of_a_picture_is_told_by_every_kind(kind: str) -> None:
    data = encoded(scene(), "JPEG")
    for there in (0.9, 0.4):
        prepared = kinds.find(kind)(decode(data[: int(there * len(data))], LIMITS), (28, 28, 3))
        assert prepared.warnings[0].code == "truncated" and (there == 0.9 or not prepared.subject)


def test_the_answer_tells_that_a_file_is_cut_off(client: FlaskClient) -> None:
    paper = Image.eval(Image.open(BytesIO(golden())), lambda level: 255 - level).resize((280, 280))
    data = encoded(paper, "JPEG", quality=95)

    def predicted(sent: bytes) -> dict[str, object]:
        answer = client.post("/models/mnist/predict", data=sent)
        assert answer.status_code == 200
        prediction: dict[str, object] = answer.get_json()["predictions"][0]
        return prediction

    def codes(sent: bytes) -> list[str]:
        return [warning["code"] for warning in predicted(sent)["warnings"]]  # type: ignore[attr-defined]

    assert predicted(data[:-2]) == predicted(data) and not codes(data)
    for end in (b"", END):
        assert codes(data[: len(data) // 2] + end) == ["truncated", "not_in_distribution"]
        assert predicted(data[: len(data) // 2] + end)["in_distribution"] is False
    assert "truncated" in codes(data[:-60])
