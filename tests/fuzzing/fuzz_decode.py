"""Any bytes are an upright picture that every image kind takes, or a named fault."""

import numpy as np
from PIL import Image

from service.errors import ImageFault
from service.images import kinds
from service.images.decode import FORMATS, Limits, decode
from tests.conftest import REPOSITORY, encoded, golden

_LIMITS = Limits(max_bytes=2**16, max_pixels=2**18, max_frames=8)
_KINDS = (("digit", (28, 28, 1)), ("garment", (28, 28, 1)), ("photo", (32, 32, 3)))
WORDS = (
    b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"acTL", b"fdAT", b"iCCP", b"eXIf", b"zTXt", b"\xff\xd8\xff\xe1", b"\xff\xda",
    b"\xff\xc2", b"Exif\0\0", b"MPF\0", b"VP8X", b"VP8L", b"VP8 ", b"ALPH", b"ANMF", b"GIF89a", b"\x21\xf9\x04",
    b"II*\0", b"MM\0*", b"BM", b"ftypavif", b"meta", b"ispe", b"\0\0", b"\xff\xff", b"\0\0\0\1", b"\x7f\xff\xff\xff",
)  # fmt: skip


def seeds() -> list[bytes]:
    """Small pictures of every format, and the nasty files."""
    picture = Image.fromarray(np.random.default_rng(5).integers(0, 256, (12, 16, 3), np.uint8))
    nasty = [file.read_bytes() for file in (REPOSITORY / "tests" / "golden" / "nasty").iterdir()]
    return [encoded(picture, name) for name in FORMATS] + [golden()] + [data for data in nasty if len(data) < 8192]


def one(data: bytes) -> None:
    """Decodes it, and prepares it for each kind by turns."""
    try:
        picture = decode(data, _LIMITS)
    except ImageFault as fault:
        assert fault.text
        return
    assert picture.image.mode in ("L", "RGB")
    name, shape = _KINDS[len(data) % len(_KINDS)]
    array = kinds.find(name)(picture, shape).array
    assert array.shape == shape and array.dtype == np.uint8
