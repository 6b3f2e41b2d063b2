"""Digits as people upload them, composed from strokes of MNIST: a paper, a pen, a camera or a canvas."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Floats = NDArray[np.floating]
_PAGE = (360, 300)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
Colour = tuple[float, float, float]


def strokes(digit: NDArray[np.uint8], side: int, change_px: int = 0) -> Floats:
    """The ink `[side, side]`, 0 to 1, of a data set digit `[28, 28]`, its lines wider by `change_px` or thinner."""
    image = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    image = image.filter(ImageFilter.GaussianBlur(side / 80)).point(lambda v: 255 * (v > 100))
    if change_px:
        image = image.filter(
            (ImageFilter.MaxFilter if change_px > 0 else ImageFilter.MinFilter)(2 * abs(change_px) + 1)
        )
    return np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)), np.float32) / 255


def on_page(ink: Floats, random: Generator) -> Floats:
    """The ink somewhere on a page `[360, 300]`."""
    page = np.zeros(_PAGE, np.float32)
    top, left = (int(random.integers(10, most - side - 9)) for most, side in zip(_PAGE, ink.shape, strict=True))
    page[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return page


def drawn(ink: Floats, paper: Floats | Colour, colour: Colour) -> Image.Image:
    """Ink of one colour on a paper `[H, W, 3]` or of one colour."""
    mixed = (1 - ink[:, :, None]) * np.asarray(paper) + ink[:, :, None] * np.asarray(colour)
    return Image.fromarray(np.clip(np.rint(mixed), 0, 255).astype(np.uint8))


def paper(random: Generator, colour: Colour = (205, 200, 190), shade: float = 0.35, noise: float = 3) -> Floats:
    """A sheet `[360, 300, 3]` in light that falls off to one side, with a camera's noise."""
    height, width = _PAGE
    slope = random.uniform(-1, 1, 2)
    fall = slope[0] * np.linspace(-0.5, 0.5, height)[:, None] + slope[1] * np.linspace(-0.5, 0.5, width)
    light = 1 + shade * fall
    return np.asarray(light[:, :, None] * np.asarray(colour) + noise * random.standard_normal((height, width, 3)))


def _pen(digit: NDArray[np.uint8], random: Generator, change_px: int = -2) -> Floats:
    return on_page(strokes(digit, int(random.integers(110, 260)), change_px), random)


def pencil(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """Thin and grey on paper."""
    return drawn(0.55 * on_page(strokes(digit, 240, -3), random), paper(random), (90, 90, 95))


def ballpoint(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """Blue on a photographed sheet."""
    return drawn(_pen(digit, random), paper(random), (40, 50, 140))


def felt_pen(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """Thick, filling the picture."""
    ink = strokes(digit, 240, 6)
    return drawn(ink, tuple(random.uniform(190, 255, 3)), (20, 20, 25))


def yellow_marker(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """As light as its paper to anybody who sees grey."""
    return drawn(_pen(digit, random, 1), _WHITE, (255, 240, 60))


def red_on_black(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """A drawing program in dark mode."""
    return drawn(_pen(digit, random), (18, 18, 18), (220, 30, 30))


def chalk(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """White on a green board that was wiped."""
    return drawn(0.9 * _pen(digit, random), paper(random, (45, 80, 60), 0.5, 6), (235, 235, 225))


def shadow(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """The photographer's shadow lies across the sheet."""
    sheet = paper(random)
    edge = random.uniform(0.3, 0.7) * _PAGE[1] + random.uniform(-0.6, 0.6) * np.arange(_PAGE[0])[:, None]
    dark = 1 / (1 + np.exp((np.arange(_PAGE[1]) - edge) / 4))
    return drawn(_pen(digit, random), sheet * (1 - 0.45 * dark)[:, :, None], (35, 35, 60))


def table(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """A sheet on a dark table, of which all four sides show."""
    sheet = paper(random)
    edge = int(random.integers(15, 40))
    ground = np.asarray((70, 45, 30)) + 6 * random.standard_normal((*_PAGE, 3))
    ground[edge:-edge, edge:-edge] = sheet[edge:-edge, edge:-edge]
    ink = np.zeros(_PAGE, np.float32)
    top = int(random.integers(edge + 5, _PAGE[0] - edge - 165))
    left = int(random.integers(edge + 5, _PAGE[1] - edge - 165))
    ink[top : top + 160, left : left + 160] = strokes(digit, 160, -1)
    return drawn(ink, ground, (30, 30, 70))


def ruled(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """On a line of a ruled sheet."""
    sheet = paper(random)
    for row in range(int(random.integers(20, 60)), _PAGE[0], 60):
        sheet[row : row + 2] = sheet[row : row + 2] * 0.75 + np.asarray((60, 80, 160)) * 0.25
    return drawn(_pen(digit, random), sheet, (25, 25, 40))


def squared(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """On squared paper."""
    sheet = paper(random)
    for start in range(8, max(_PAGE), 24):
        sheet[start : start + 1] *= 0.82
        sheet[:, start : start + 1] *= 0.82
    return drawn(_pen(digit, random), sheet, (30, 40, 110))


def form_field(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """In a printed box, as on a form."""
    image = drawn(np.pad(strokes(digit, 150, -1), 20), _WHITE, (30, 30, 30))
    ImageDraw.Draw(image).rectangle((6, 6, 183, 183), outline=(40, 40, 40), width=3)
    return image


def canvas_border(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """A screenshot of a canvas with its frame."""
    image = drawn(on_page(strokes(digit, 200), random), _WHITE, _BLACK)
    ImageDraw.Draw(image).rectangle((0, 0, _PAGE[1] - 1, _PAGE[0] - 1), outline=_BLACK, width=4)
    return image


def specks(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """Dust and crumbs on a scanner's glass."""
    image = drawn(_pen(digit, random, 0), _WHITE, (25, 25, 25))
    draw = ImageDraw.Draw(image)
    for row, column in random.integers(5, 290, (25, 2)).tolist():
        draw.ellipse((column, row, column + 2, row + 2), fill=(60, 60, 60))
    return image


def one_pixel_line(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """A mouse in a paint program: the skeleton of the digit, one pixel wide."""
    return drawn(on_page(_thinned(strokes(digit, 160) > 0.5), random), _WHITE, _BLACK)


def clicked(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """Such a line small in a corner of the canvas, and two clicks that drew a dot each elsewhere."""
    canvas = np.zeros(_PAGE, np.float32)
    canvas[225:345, 165:285] = _thinned(strokes(digit, 120) > 0.5)
    image = drawn(canvas, _WHITE, _BLACK)
    for further_down, (row, column) in zip((0, 80), random.integers(10, 60, (2, 2)).tolist(), strict=True):
        top = row + further_down
        ImageDraw.Draw(image).rectangle((column, top, column + 2, top + 2), fill=_BLACK)
    return image


def _thinned(mask: NDArray[np.bool_]) -> Floats:
    """The middle line (Zhang & Suen 1984)."""
    mask = np.pad(mask, 1)
    while True:
        before = mask.copy()
        for half in (0, 1):
            n, ne, e, se, s, sw, w, nw = (
                np.roll(mask, shift, (0, 1))
                for shift in ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))
            )
            ring = [n, ne, e, se, s, sw, w, nw]
            turns = sum((~one & other).astype(int) for one, other in zip(ring, [*ring[1:], n], strict=True))
            beside = sum(side.astype(int) for side in ring)
            first, second = ((n & e & s), (e & s & w)) if half == 0 else ((n & e & w), (n & s & w))
            mask = mask & ~((beside >= 2) & (beside <= 6) & (turns == 1) & ~first & ~second)
        if (mask == before).all():
            return mask[1:-1, 1:-1].astype(np.float32)


def transparent(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """A canvas' own PNG: black of different opacity on nothing."""
    alpha = np.rint(255 * on_page(strokes(digit, 200), random)).astype(np.uint8)
    return Image.merge("RGBA", [Image.new("L", _PAGE[::-1])] * 3 + [Image.fromarray(alpha)])


def tiny(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """Dark on light in the data set's own size, off the middle."""
    rolled = np.roll(digit, tuple(random.integers(-3, 4, 2)), (0, 1))
    return Image.fromarray(255 - rolled)


def faint(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """Hardly darker than the paper."""
    return drawn(_pen(digit, random, -1), paper(random, noise=1.5, shade=0.15), (165, 160, 155))


def blurred(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """Out of focus."""
    return drawn(_pen(digit, random, 0), paper(random), (40, 40, 60)).filter(ImageFilter.GaussianBlur(5))


def broken(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """Strokes that do not touch: a pen that skipped."""
    ink = strokes(digit, 200)
    for row in random.integers(50, 150, 2).tolist():
        ink[row : row + 5] = 0
    return drawn(on_page(ink, random), _WHITE, _BLACK)


def far_away(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """Small on a large sheet."""
    return drawn(on_page(strokes(digit, 44), random), paper(random), (30, 30, 50))


def sticky_note(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """A yellow note that lies whole in the picture, on a dark table."""
    table, note = paper(random, (120, 90, 70), 0.3), paper(random, (240, 225, 110))
    table[60:320, 40:270] = note[60:320, 40:270]
    side = int(random.integers(90, 160))
    ink = np.zeros(_PAGE, np.float32)
    ink[110 : 110 + side, 80 : 80 + side] = strokes(digit, side)
    return drawn(ink, table, (30, 30, 60))


def circled(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """In a circle, as an item of a list, small on its page."""
    ink = np.zeros(_PAGE, np.float32)
    ink[130:210, 110:190] = strokes(digit, 80, -1)
    image, drift = drawn(ink, _WHITE, _BLACK), int(random.integers(-8, 8))
    ImageDraw.Draw(image).ellipse((80 + drift, 100, 220 + drift, 240), outline=_BLACK, width=4)
    return image


def underlined(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """With a line drawn below it by hand."""
    ink = np.zeros(_PAGE, np.float32)
    ink[60:240, 60:240] = strokes(digit, 180)
    image, drop = drawn(ink, _WHITE, _BLACK), int(random.integers(-4, 4))
    ImageDraw.Draw(image).line((60, 270, 240, 270 + drop), fill=_BLACK, width=5)
    return image


def cut_tightly(digit: NDArray[np.uint8], random: Generator) -> Image.Image:
    """Cut to its ink from a canvas."""
    ink = strokes(digit, 200, int(random.integers(-2, 3)))
    rows, columns = np.nonzero(ink > 0.5)
    return drawn(ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1], _WHITE, _BLACK)


CASES: dict[str, Callable[[NDArray[np.uint8], Generator], Image.Image]] = {
    case.__name__: case
    for case in (
        pencil, ballpoint, felt_pen, yellow_marker, red_on_black, chalk, shadow, table, ruled, squared, form_field,
        canvas_border, specks, one_pixel_line, clicked, transparent, tiny, faint, blurred, broken, far_away,
        sticky_note, circled, underlined, cut_tightly,
    )
}  # fmt: skip
