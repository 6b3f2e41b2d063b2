"""Any accepted file to an upright 8-bit picture, or a named fault; limits are judged before a pixel is decoded."""

import io
from typing import NamedTuple

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from service.errors import BrokenImage, EmptyImage, ImageFault, ImageTooLarge, UnsupportedFormat
from service.images.steps import Step

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
# A big JPEG is decoded at 1/2, 1/4 or 1/8 as long as both sides keep this many pixels: 32 pixels are what a model sees.
_DRAFT_SIDE_PX = 256
_ORIENTED = {2: "mirrored", 3: "turned by 180°", 4: "flipped", 5: "transposed", 6: "turned by 90° clockwise",
             7: "transversed", 8: "turned by 90° counter-clockwise"}  # fmt: skip


class Limits(NamedTuple):
    """What a single picture may be."""

    max_bytes: int
    max_pixels: int
    max_frames: int


class Picture(NamedTuple):
    """An upright picture of mode `L` or `RGB`, 8 bits a channel, and what was done to get it."""

    image: Image.Image
    steps: tuple[Step, ...]


def decode(data: bytes, limits: Limits) -> Picture:
    """The first frame of an image file.

    Raises EmptyImage, UnsupportedFormat, ImageTooLarge or BrokenImage.
    """
    if not data:
        raise EmptyImage("the file is empty")
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"the file has {len(data)} bytes; at most {limits.max_bytes} are accepted")
    try:
        return _decoded(data, limits)
    except (ImageFault, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLarge(f"the picture has too many pixels; at most {limits.max_pixels} are accepted") from error
    except Exception as error:  # Pillow's decoders raise whatever their parsers stumble over; the file is at fault
        raise BrokenImage(f"the file cannot be decoded: {error}") from error


def _decoded(data: bytes, limits: Limits) -> Picture:
    with _opened(data) as image:
        _check_header(image, limits)
        steps = [*_reduced(image)]
        image.load()
        upright = image
        orientation = image.getexif().get(ExifTags.Base.Orientation)
        if orientation in _ORIENTED:
            upright = ImageOps.exif_transpose(image)
            steps.append(Step("oriented", f"{_ORIENTED[orientation]}, as its EXIF orientation says"))
        flat, flattening = _flattened(upright)
        return Picture(flat, (*steps, *flattening))


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        claimed = next((name for name in FORMATS if _claims(data, name)), None)
        if claimed:
            raise BrokenImage(f"the file starts like {claimed} and cannot be read as such") from error
        raise UnsupportedFormat(f"the content is no image; accepted are {', '.join(FORMATS)}") from error


def _claims(data: bytes, name: str) -> bool:
    accept = Image.OPEN[name][1]
    return accept is not None and accept(data[:16]) is True


def _check_header(image: Image.Image, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise ImageTooLarge(f"the picture has {width}×{height} pixels; at most {limits.max_pixels} are accepted")
    if _has_more_frames(image, limits.max_frames):
        raise ImageTooLarge(f"the picture has more than {limits.max_frames} frames or pages")


def _has_more_frames(image: Image.Image, count: int) -> bool:
    """Whether there are more than `count` frames; a GIF does not say, and only its first is ever looked at."""
    if image.format == "GIF":
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


def _reduced(image: Image.Image) -> list[Step]:
    """Has a big JPEG decoded at a fraction of its size, which costs a fraction of the time."""
    before = image.size
    if image.format != "JPEG" or image.draft(None, (_DRAFT_SIDE_PX, _DRAFT_SIDE_PX)) is None or image.size == before:
        return []
    return [Step("reduced", f"decoded at {image.width}×{image.height} of {before[0]}×{before[1]} pixels")]


def _flattened(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    """Any mode of Pillow as `L` or `RGB`."""
    if image.has_transparency_data:
        return _without_alpha(image)
    if image.mode in ("L", "RGB"):
        return image, []
    if image.mode == "1":
        return image.convert("L"), []
    if image.mode.startswith("I;16"):
        return _grey(np.asarray(image).astype(np.float32) / 257), [Step("16_bit", "16 bits reduced to 8")]
    if image.mode in ("I", "F"):
        return _stretched(image)
    if image.mode == "P" and _is_grey(image):
        return image.convert("L"), [Step("palette", "grey palette resolved")]
    return image.convert("RGB"), [Step("converted", f"{image.mode} converted to RGB")]


def _is_grey(image: Image.Image) -> bool:
    palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _stretched(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    """32-bit values have no stated range: 16-bit ones are taken as such, all others run from darkest to lightest."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if image.mode == "I" and low >= 0 and 255 < high <= 65535:
        return _grey(values / 257), [Step("16_bit", "16 bits reduced to 8")]
    if image.mode == "I" and low >= 0 and high <= 255:
        return _grey(values), []
    stretched = (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
    return _grey(stretched), [Step("stretched", f"32-bit values from {low:g} to {high:g} stretched to 8 bits")]


def _grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _without_alpha(image: Image.Image) -> tuple[Image.Image, list[Step]]:
    """Alpha over white; where the visible colours carry nothing, alpha itself is the ink, dark on white."""
    rgba = image.convert("RGBA")
    pixels = np.asarray(rgba)
    alpha = pixels[..., 3]
    if alpha.min() == 255:
        return _opaque(image, rgba), []
    visible = pixels[alpha > 0][:, :3]
    if len(visible) and (visible == visible[0]).all():
        return Image.fromarray(255 - alpha), [Step("alpha_ink", "one colour throughout: its opacity taken as dark ink")]
    ground = Image.new("RGBA", rgba.size, "white")
    flat = Image.alpha_composite(ground, rgba)
    return _opaque(image, flat), [Step("alpha_white", "transparency laid over white")]


def _opaque(source: Image.Image, rgba: Image.Image) -> Image.Image:
    return rgba.convert("L" if source.mode in ("L", "LA", "La", "1") else "RGB")
