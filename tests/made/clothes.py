"""A garment as somebody has a picture of it: in some colour, creased, on a floor, a table, a bed or a shop's white."""

import colorsys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from service.images import components

Floats = NDArray[np.float32]
Random = np.random.Generator
UInt8 = NDArray[np.uint8]

# Longest side of the picture, and how wide one is for its height: upright, square, or lying on its side.
_SIDE_PX = 128
_ASPECTS, _HOW_OFTEN = (0.75, 1.0, 1.33), (0.6, 0.15, 0.25)
# Pixels of a data set garment are above the first level; those up to the second are its soft edge.
_THERE, _SOLID = 12, 40
# Of the frame that the garment fills.
_FILLS = (0.7, 0.97)
_TURN_DEGREES = 6.0
# Of the pictures in which another surface lies along an edge, and how much of them it may cover.
_BESIDE, _COVERS = 0.25, (0.05, 0.2)
# Of the pictures that are a shop's.
_FROM_SHOPS = 0.15
# Of the garments that have a colour.
_COLOURED = 0.8


class Made(NamedTuple):
    """An RGB picture and where in it the garment is, bool `[H, W]`."""

    picture: Image.Image
    garment: NDArray[np.bool_]


class Laid(NamedTuple):
    """A garment in its place in the frame, `[H, W]`: how dark it is, 0 to 255, and how much of each pixel it covers."""

    dark: Floats
    cover: Floats


def photographed(image: UInt8, random: Random) -> Made:
    """A data set garment `[H, W]`, light on black, in a picture of at most 128 pixels a side.

    Its colour, its place, the ground's pattern, shadow, light and the sensor's noise are drawn; its outline is its own.
    """
    aspect = random.choice(_ASPECTS, p=_HOW_OFTEN)
    frame = (_SIDE_PX, round(_SIDE_PX * aspect)) if aspect <= 1 else (round(_SIDE_PX / aspect), _SIDE_PX)
    laid = _laid(image, frame, random)
    cloth, cover = _cloth(laid.dark, random), laid.cover[..., None]
    if random.random() < _FROM_SHOPS:
        return Made(_as_image(255 * (1 - cover) + cloth * cover), laid.cover > 0.5)
    ground = _ground(frame, random) * (1 - random.uniform(0, 0.4) * _shadow(laid.cover, random)[..., None])
    return Made(_as_image(_taken(ground * (1 - cover) + cloth * cover, random)), laid.cover > 0.5)


def _laid(image: UInt8, frame: tuple[int, int], random: Random) -> Laid:
    """Wider or narrower than it is worn, near the middle of the frame, a little turned."""
    cover = _cover(image)
    layers = np.stack([_to_its_rim(image, cover), 255 * cover])
    layers = layers[:, *components.box(layers[0] > 0)]
    sides = np.array(layers.shape[1:]) * (1, np.exp(random.normal(0.1, 0.2)))
    sides = np.maximum(sides * (np.array(frame) / sides).min() * random.uniform(*_FILLS), 4).astype(int)
    place = ((np.array(frame) - sides) * np.clip(random.normal(0.5, 0.12, 2), 0, 1)).astype(int)
    turn = random.normal(0, _TURN_DEGREES)
    dark, cover = (_placed(layer, sides, place, frame, turn) for layer in layers)
    # Enlarged, its edge is soft over several pixels; a camera's is sharp.
    return Laid(dark, np.clip((cover / 255 - 0.5) * 3 + 0.5, 0, 1))


def _placed(
    layer: Floats, sides: NDArray[np.int64], place: NDArray[np.int64], frame: tuple[int, int], turn: float
) -> Floats:
    enlarged = Image.fromarray(layer.astype(np.float32)).resize((sides[1], sides[0]), Image.Resampling.BICUBIC)
    canvas = Image.new("F", frame[::-1])
    canvas.paste(enlarged, (int(place[1]), int(place[0])))
    return np.asarray(canvas.rotate(turn, Image.Resampling.BILINEAR))


def _to_its_rim(image: UInt8, cover: Floats) -> Floats:
    """Of one tone up to the edge and a pixel beyond, where the data set's pixels hold some of the black behind."""
    inside = np.asarray(Image.fromarray((255 * cover).astype(np.uint8)).filter(ImageFilter.MinFilter(3))) == 255
    return np.where(inside, image, np.asarray(Image.fromarray(image).filter(ImageFilter.MaxFilter(3)))).astype(
        np.float32
    )


def _cover(image: UInt8) -> Floats:
    """How much of each pixel is garment: soft where its own edge is, and dark prints are not holes."""
    return np.maximum(np.clip(image.astype(np.float32) / _SOLID, 0, 1), _hollows(image > _THERE))


def _hollows(there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a pixel has garment above, below, left and right of it, and beside it."""
    above, left = (np.logical_or.accumulate(there, axis=axis) for axis in (0, 1))
    below, right = np.logical_or.accumulate(there[::-1])[::-1], np.logical_or.accumulate(there[:, ::-1], 1)[:, ::-1]
    near = np.pad(there, 1)
    beside = near[:-2, 1:-1] | near[2:, 1:-1] | near[1:-1, :-2] | near[1:-1, 2:]
    return np.asarray(above & below & left & right & beside)


def _cloth(dark: Floats, random: Random) -> Floats:
    """`[H, W, 3]`: another tone and colour, with the light and shadow of creases and of its weave."""
    toned = dark * random.uniform(0.3, 1) + random.uniform(0, 110)
    toned = toned + _creases(dark.shape, random) + random.exponential(5) * _uneven(dark.shape, 5, random)
    colour = _colour(random) if random.random() < _COLOURED else np.ones(3, np.float32)
    return np.asarray(np.clip(255 - toned, 5, 255)[..., None] * colour)


def _creases(frame: tuple[int, ...], random: Random) -> Floats:
    """A wave across the picture, bent, of any direction, length and depth."""
    rows, columns = np.mgrid[: frame[0], : frame[1]]
    across, down = random.normal(0, 0.25, 2)
    bent = across * columns + down * rows + 3 * _uneven(frame, 24, random)
    return np.asarray(random.exponential(9) * np.sin(bent + random.uniform(0, 2 * np.pi)), np.float32)


def _ground(frame: tuple[int, int], random: Random) -> Floats:
    """`[H, W, 3]`: a surface under light that falls off, and in some pictures another one along an edge."""
    surfaces: tuple[Callable[[tuple[int, int], Random], Floats], ...] = (_plain, _sheet, _planks, _carpet, _stained)
    pattern = surfaces[random.integers(len(surfaces))](frame, random) + _slope(frame, 13, random)
    ground = (255 * random.beta(3, 2) + pattern)[..., None] * _colour(random)
    if random.random() < _BESIDE:
        other = (255 * random.beta(2, 2) + 5 * _uneven(frame, 12, random))[..., None] * _colour(random)
        ground = np.where(_along_edge(frame, random)[..., None], other, ground)
    return np.asarray(ground)


def _plain(frame: tuple[int, int], random: Random) -> Floats:
    return np.zeros(frame, np.float32)


def _sheet(frame: tuple[int, int], random: Random) -> Floats:
    return random.exponential(8) * _uneven(frame, int(random.integers(10, 40)), random)


def _planks(frame: tuple[int, int], random: Random) -> Floats:
    """Boards of one width, each of its own tone, with grain and joints."""
    rows, columns = np.mgrid[: frame[0], : frame[1]]
    angle, width = random.uniform(0, np.pi), random.uniform(12, 40)
    across = (columns * np.cos(angle) + rows * np.sin(angle)) / width
    board, joint = np.floor(across).astype(int), across % 1 < 0.06
    tone = random.normal(0, 10, 64)[board % 64] + random.exponential(5) * _uneven(frame, 3, random)
    return np.asarray(tone - joint * random.uniform(0, 50))


def _carpet(frame: tuple[int, int], random: Random) -> Floats:
    pile = random.exponential(10) * random.standard_normal(frame, np.float32)
    return np.asarray(pile + random.exponential(8) * _uneven(frame, 4, random))


def _stained(frame: tuple[int, int], random: Random) -> Floats:
    fine, coarse = (random.exponential(14) * _uneven(frame, grain, random) for grain in (6, 24))
    return fine + coarse


def _along_edge(frame: tuple[int, int], random: Random) -> NDArray[np.bool_]:
    share = random.uniform(*_COVERS)
    # Of the part of the way from one edge to the other, from either side.
    way = np.mgrid[: frame[0], : frame[1]][random.integers(2)] / max(frame)
    return np.asarray((way if random.random() < 0.5 else way.max() - way) < share)


def _shadow(cover: Floats, random: Random) -> Floats:
    """Beside the garment, 0 to 1."""
    soft = Image.fromarray((255 * cover).astype(np.uint8)).filter(ImageFilter.GaussianBlur(random.uniform(1, 5)))
    return np.roll(np.asarray(soft, np.float32) / 255, random.integers(-5, 6, 2), (0, 1))


def _taken(scene: Floats, random: Random) -> Floats:
    """In light that falls off, with a sensor's noise."""
    lit = scene * (1 + _slope(scene.shape[:2], 0.1, random))[..., None]
    return np.asarray(lit + random.uniform(0, 5) * random.standard_normal(scene.shape, np.float32))


def _as_image(scene: Floats) -> Image.Image:
    return Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))


def _slope(frame: tuple[int, ...], deviation: float, random: Random) -> Floats:
    """From −1 to 1 times what is drawn, down and across."""
    down, across = random.normal(0, deviation, 2)
    return np.asarray(np.linspace(-down, down, frame[0])[:, None] + np.linspace(-across, across, frame[1]), np.float32)


def _uneven(frame: tuple[int, ...], grain: int, random: Random) -> Floats:
    """Smooth chance of deviation about 1 that changes over `grain` pixels."""
    coarse = random.standard_normal((max(2, frame[0] // grain + 1), max(2, frame[1] // grain + 1)), np.float32)
    return np.asarray(Image.fromarray(coarse).resize((frame[1], frame[0]), Image.Resampling.BICUBIC))


def _colour(random: Random) -> Floats:
    """Red, green and blue of any hue at full light, most of them pale."""
    return np.array(colorsys.hsv_to_rgb(random.random(), random.beta(1, 4), 1.0), np.float32)
