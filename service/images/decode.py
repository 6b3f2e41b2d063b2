"""Any accepted file to an upright 8-bit picture, or a named fault; limits are judged before a pixel is decoded."""

import io
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from service.errors import BrokenImage, EmptyImage, ImageFault, ImageTooLarge, UnsupportedFormat
from service.images import jpeg_segments, truncated
from service.images.deep import to_8_bits
from service.images.flatten import REDUCED_SIDE_PX, flattened, reduced
from service.images.metadata import Stripped, without_metadata
from service.images.steps import Step
from service.images.truncated import Truncation

# Imported, not searched for: no other decoder of Pillow is ever loaded, whatever the file claims to be.
_PLUGINS = (
    PngImagePlugin,
    JpegImagePlugin,
    WebPImagePlugin,
    GifImagePlugin,
    BmpImagePlugin,
    TiffImagePlugin,
    AvifImagePlugin,
)
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
# What a file of each format starts with; a file that does and cannot be opened is broken, any other is no image.
_SIGNATURES = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "WEBP": rb"RIFF.{4}WEBP",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "TIFF": rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]",
    "AVIF": rb".{4}ftyp(?:.{4}){0,16}avi[fs]",
}
# What people take for a picture, a phone's first: named, so that they know what to change.
_OTHERS = {
    "HEIC, which iPhones write unless Settings > Camera > Formats says Most Compatible,": (
        rb".{4}ftyp(?:.{4}){0,16}(?:hei[cxms]|hev[cx]|mif1|msf1)"
    ),
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "a PDF": rb"%PDF",
    "SVG": rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml.{0,200}?\?>.{0,1000}?)?<svg",
    "a Photoshop file": rb"8BPS",
    "a film": rb".{4}ftyp|\x1a\x45\xdf\xa3",
}
# Each scan of a progressive JPEG runs over the whole picture, and a few bytes make a scan; cameras write about ten.
_MAX_SCANS, _MAX_SCANNED_PIXELS = 100, 1_000_000_000
_PNG_DEPTH_AT = 24
# Where Pillow looks for the orientation, besides a TIFF's tags; it takes a while to find nothing.
_ORIENTED_BY = frozenset({"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"})
_UPRIGHT = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, "mirrored"),
    3: (Image.Transpose.ROTATE_180, "turned by 180°"),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, "flipped"),
    5: (Image.Transpose.TRANSPOSE, "transposed"),
    6: (Image.Transpose.ROTATE_270, "turned by 90° clockwise"),
    7: (Image.Transpose.TRANSVERSE, "transversed"),
    8: (Image.Transpose.ROTATE_90, "turned by 90° counter-clockwise"),
}


# Decodes a picture, from a file of these bytes → what is there if it is not whole.
_Load = Callable[[ImageFile.ImageFile, bytes], Truncation | None]


class Limits(NamedTuple):
    """What a single picture may be."""

    max_bytes: int
    max_pixels: int
    max_frames: int


class Picture(NamedTuple):
    """An upright picture of mode `L` or `RGB`, 8 bits a channel, and what was done to get it.

    `source_pixels` is the size its file stated: what decoding it cost. `subject` is False where so much of the picture
    is missing that nobody can tell what it shows.
    """

    image: Image.Image
    steps: tuple[Step, ...]
    source_pixels: int = 0
    warnings: tuple[Step, ...] = ()
    subject: bool = True


def decode(data: bytes, limits: Limits) -> Picture:
    """The first frame of an image file.

    A file that cannot be decoded is tried once more: without its metadata, and as far as its data go. Raises
    EmptyImage, UnsupportedFormat, ImageTooLarge or BrokenImage.
    """
    if not data:
        raise EmptyImage("the file is empty")
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"the file has {len(data)} bytes; at most {limits.max_bytes} are accepted")
    try:
        return _decoded(Stripped(data, {}), limits, _load)
    except BrokenImage:
        pass  # its traceback holds the pixels of the first attempt until here
    return _decoded(without_metadata(data), limits, _load_partly)


def _decoded(file: Stripped, limits: Limits, load: _Load) -> Picture:
    try:
        return _picture(file, limits, load)
    except (ImageFault, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLarge(f"the picture has too many pixels; at most {limits.max_pixels} are accepted") from error
    except Exception as error:  # Pillow's decoders raise whatever their parsers stumble over; the file is at fault
        raise BrokenImage(f"the file cannot be decoded: {error}") from error


def _picture(file: Stripped, limits: Limits, load: _Load) -> Picture:
    with _opened(file.data) as image:
        image.info.update(file.info)
        _check_header(image, file.data, limits)
        stated = image.size
        _draft(image)
        truncation = load(image, file.data)
        _scale_colour_key(image, file.data)
        shallow, steps = to_8_bits(_opaque(image))
        whole = shallow if truncation is None else truncation.of(shallow)
        small, flattening = flattened(reduced(whole))
        if (image.size, whole.size) != (stated, small.size):
            pixels = stated[0] * stated[1]
            steps.append(Step("reduced", f"a picture of {pixels} pixels reduced to {small.width}×{small.height}"))
        upright, turning = _upright(small, _orientation(image))
        picture = Picture(upright, (*steps, *flattening, *turning), stated[0] * stated[1])
        return (
            picture
            if truncation is None
            else picture._replace(warnings=(truncation.warning,), subject=truncation.is_sufficient)
        )


def _load(image: ImageFile.ImageFile, data: bytes) -> Truncation | None:
    """Decodes; what is there if the picture is not whole."""
    image.load()
    return _truncation_of_jpeg(image, data) if _is_jpeg(image) and truncated.ends_grey(image) else None


def _load_partly(image: ImageFile.ImageFile, data: bytes) -> Truncation | None:
    """As `_load`, as far as the data go."""
    found = truncated.load(image)
    return _truncation_of_jpeg(image, data) if _is_jpeg(image) else found


def _truncation_of_jpeg(image: Image.Image, data: bytes) -> Truncation | None:
    def decoded(other: bytes) -> Image.Image:
        with _opened(other) as opened:
            _draft(opened)
            opened.load()
            return opened

    return truncated.of_jpeg(image, data, decoded)


def _opaque(image: Image.Image) -> Image.Image:
    """A BMP whose alpha is 0 everywhere without it: many programs leave it so and all of them show the colours."""
    hidden = image.format == "BMP" and image.mode == "RGBA" and image.getbbox(alpha_only=True) is None
    return image.convert("RGB") if hidden else image


def _opened(data: bytes) -> ImageFile.ImageFile:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        if name := _named(data, _SIGNATURES):
            raise BrokenImage(f"the file starts like {name} and cannot be read as such") from error
        accepted, found = ", ".join(FORMATS), _named(data, _OTHERS)
        if found:
            raise UnsupportedFormat(f"{found} is not accepted; save it as one of {accepted}") from error
        raise UnsupportedFormat(
            f"the content is no picture of a format that is accepted; these are {accepted}"
        ) from error


def _named(data: bytes, signatures: Mapping[str, bytes]) -> str | None:
    return next((name for name, signature in signatures.items() if re.match(signature, data, re.DOTALL)), None)


def _check_header(image: Image.Image, data: bytes, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise ImageTooLarge(f"the picture has {width}×{height} pixels; at most {limits.max_pixels} are accepted")
    if _has_more_frames(image, limits.max_frames):
        raise ImageTooLarge(f"the picture has more than {limits.max_frames} frames or pages")
    scans = jpeg_segments.scans(data, _MAX_SCANS) if "progressive" in image.info else 1
    if scans > _MAX_SCANS or scans * width * height > _MAX_SCANNED_PIXELS:
        raise ImageTooLarge(f"the progressive JPEG has {scans} scans or more; save it as a baseline JPEG")


def _scale_colour_key(image: Image.Image, data: bytes) -> None:
    """Scales the transparent colour of a PNG as Pillow scales its pixels, which it forgets for depths other than 8."""
    key = image.info.get("transparency")
    if image.format != "PNG" or isinstance(key, bytes) or key is None:
        return
    depth = data[_PNG_DEPTH_AT]
    if isinstance(key, int) and image.mode == "L" and depth < 8:
        image.info["transparency"] = key * (255 // (2**depth - 1))
    if isinstance(key, tuple) and depth == 16:
        image.info["transparency"] = tuple(part >> 8 for part in key)


def _is_jpeg(image: Image.Image) -> bool:
    # MPO: what Pillow calls a JPEG with further pictures behind it, as some phones write.
    return image.format in ("JPEG", "MPO")


def _has_more_frames(image: Image.Image, count: int) -> bool:
    """Whether there are more than `count` frames; a GIF does not say, a JPEG's are behind it: not looked at."""
    if image.format in ("GIF", "MPO"):
        return False
    if image.format != "TIFF":
        return int(getattr(image, "n_frames", 1)) > count
    try:
        image.seek(count)  # walks at most this many directories; n_frames would walk all
    except EOFError:
        return False
    finally:
        image.seek(0)
    return True


def _draft(image: Image.Image) -> None:
    """Has a big JPEG decoded at 1/2, 1/4 or 1/8 of its size, which costs a fraction of the time."""
    if _is_jpeg(image):
        image.draft(None, (REDUCED_SIDE_PX, REDUCED_SIDE_PX))


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1, upright, where there is none or it cannot be read."""
    if image.format != "TIFF" and _ORIENTED_BY.isdisjoint(image.info):
        return 1
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken metadata beside a good picture: Pillow's parser raises what it likes
        return 1


def _upright(image: Image.Image, orientation: int) -> tuple[Image.Image, list[Step]]:
    if orientation not in _UPRIGHT:
        return image, []
    method, words = _UPRIGHT[orientation]
    return image.transpose(method), [Step("oriented", f"{words}, as its EXIF orientation says")]
