"""However a digit comes about, the model sees it as MNIST would show it; what was decided is told."""

from functools import cache
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from service import manifest as contract
from service.images import kinds
from service.images.decode import Limits, Picture, decode
from service.images.kinds import Prepared
from service.inference import classifier
from service.inference.classifier import Classifier
from tests.conftest import golden, png, shipped
from tests.made.digits import CASES, drawn, on_page, paper, strokes

SHAPE = (28, 28, 1)
LIMITS = Limits(max_bytes=2**20, max_pixels=2**20, max_frames=1)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
# In the order in which they are decided.
CODES = (
    "margin", "sheet", "grey", "channel", "light_ink", "inverted", "lines", "frame", "edge", "specks", "underline",
    "thickened", "boxed",
)  # fmt: skip
# What belongs to the way in which a picture comes about: one of these is told of every digit, or of most.
TOLD_OF_ALL = {
    "yellow_marker": {"channel"}, "red_on_black": {"light_ink"}, "chalk": {"light_ink"}, "table": {"sheet"},
    "canvas_border": {"lines", "frame", "sheet"}, "form_field": {"lines", "frame"},
    "sticky_note": {"sheet"}, "circled": {"frame"}, "underlined": {"underline"}, "one_pixel_line": {"thickened"},
    "transparent": {"alpha_ink"}, "tiny": {"inverted"}, "felt_pen": {"inverted"},
}  # fmt: skip
TOLD_OF_SOME = {"shadow": "edge", "pencil": "thickened", "clicked": "specks", "cut_tightly": "margin"}


@cache
def model() -> Classifier:
    folder = shipped("mnist")
    return classifier.load(folder, contract.read(folder), "litert", threads=1)


@cache
def digit(label: int) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(golden(label=label))))


def prepared(image: Image.Image) -> Prepared:
    return kinds.find("digit")(decode(png(image), LIMITS), SHAPE)


@cache
def made(case: str, seed: int = 1) -> tuple[Prepared, ...]:
    """The ten digits, each as this case would have it."""
    random = np.random.default_rng(seed)
    return tuple(prepared(CASES[case](digit(label), random)) for label in range(10))


def codes(result: Prepared) -> list[str]:
    return [step.code for step in result.steps]


def warned(result: Prepared) -> list[str]:
    return [warning.code for warning in result.warnings]


def centre(array: NDArray[np.uint8]) -> tuple[float, float]:
    grey = array[:, :, 0].astype(float)
    places = np.arange(28)
    return float(grey.sum(axis=1) @ places / grey.sum()), float(grey.sum(axis=0) @ places / grey.sum())


def on_white(label: int, side: int = 200) -> Image.Image:
    return drawn(on_page(strokes(digit(label), side), np.random.default_rng(label)), WHITE, BLACK)


@pytest.mark.parametrize("case", CASES)
def test_digits_are_named_however_they_come_about(case: str) -> None:
    named = [answer.label_index for answer in model().classify(made(case))]
    assert sum(label == name for label, name in enumerate(named)) >= 9, named


@pytest.mark.parametrize("case", CASES)
def test_what_was_decided_is_told_in_its_order(case: str) -> None:
    for result in made(case):
        told = [code for code in codes(result) if code in CODES]
        # Marks are left out in one order, but a line may be seen only once a frame around it is gone.
        ordered = [code for code in told if code != "lines"]
        assert ordered == sorted(ordered, key=CODES.index) and len(told) == len(set(told))
        # A negative of the data set's own form needs no more.
        assert told[-1] == "boxed" or told == ["inverted"]
        assert TOLD_OF_ALL.get(case, {"boxed"}) & set(codes(result)), told


@pytest.mark.parametrize(("case", "code"), TOLD_OF_SOME.items())
def test_what_is_not_always_there_is_told_where_it_is(case: str, code: str) -> None:
    assert 3 <= sum(code in codes(result) for result in made(case)) <= 10


def on_dark_lines(label: int) -> Image.Image:
    image = on_white(label)
    for row in range(25, 360, 60):
        ImageDraw.Draw(image).line((0, row, 299, row), fill=BLACK, width=3)
    return image


def test_lines_as_dark_as_the_ink_are_told() -> None:
    assert all("lines" in codes(prepared(on_dark_lines(label))) for label in range(10))


def test_a_digit_on_lines_as_dark_as_its_ink_is_named() -> None:
    answers = model().classify([prepared(on_dark_lines(label)) for label in range(10)])
    assert sum(answer.label_index == label for label, answer in enumerate(answers)) >= 9


def test_a_frame_that_does_not_reach_the_edges_is_left_out_and_told() -> None:
    for label in range(10):
        image = drawn(np.pad(strokes(digit(label), 120, -1), 90), WHITE, BLACK)
        ImageDraw.Draw(image).rectangle((40, 40, 259, 259), outline=BLACK, width=4)
        result = prepared(image)
        assert "frame" in codes(result)
        assert model().classify([result])[0].label_index == label


def test_crumbs_are_left_out_and_told() -> None:
    image = on_white(3)
    bare = prepared(image)
    ImageDraw.Draw(image).ellipse((3, 3, 10, 10), fill=BLACK)
    ImageDraw.Draw(image).ellipse((285, 345, 292, 352), fill=BLACK)
    result = prepared(image)
    assert "specks" in codes(result) and np.array_equal(result.array, bare.array)


def thin_five(dot: tuple[int, int]) -> Image.Image:
    """A five 90 pixels high whose bar does not touch it, and a dot of three pixels at a row and a column."""
    image = Image.new("RGB", (300, 300), WHITE)
    draw = ImageDraw.Draw(image)
    draw.line((120, 100, 165, 100), fill=BLACK)
    draw.line((112, 104, 112, 140, 150, 145, 155, 175, 135, 190, 108, 186), fill=BLACK)
    draw.rectangle((dot[1], dot[0], dot[1] + 2, dot[0] + 2), fill=BLACK)
    return image


def test_a_click_away_from_a_thin_digit_is_left_out_and_told() -> None:
    bare, result = prepared(thin_five((104, 112))), prepared(thin_five((20, 260)))
    assert "specks" in codes(result) and "specks" not in codes(bare)
    assert np.ptp(np.flatnonzero(result.array[:, :, 0].any(axis=1))) + 1 == 20
    assert model().classify([result])[0].label_index == 5


def test_a_line_of_one_pixel_is_seen_on_a_large_canvas() -> None:
    image = Image.new("RGB", (1000, 1000), WHITE)
    ImageDraw.Draw(image).line((330, 520, 470, 515, 400, 800), fill=BLACK)
    result = prepared(image)
    assert result.subject and model().classify([result])[0].label_index == 7


def test_a_dot_beside_a_stroke_stays_with_it() -> None:
    assert "specks" not in codes(prepared(thin_five((150, 170))))


def test_dust_leaves_no_trace() -> None:
    for result in made("specks"):
        rows, columns = (np.flatnonzero(result.array[:, :, 0].any(axis=axis)) for axis in (1, 0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_digit_fills_its_box_and_lies_in_the_middle_by_its_mass(case: str) -> None:
    for result in made(case):
        assert result.array.dtype == np.uint8 and result.array.shape == SHAPE and result.subject
        across = [np.ptp(np.flatnonzero(result.array[:, :, 0].any(axis=axis))) + 1 for axis in (0, 1)]
        assert max(across) == 20 and result.array.max() > 200
        # Half a pixel by rounding, and what clipping the darkest ink moves.
        assert np.abs(np.subtract(centre(result.array), 14)).max() <= 0.7


@pytest.mark.parametrize("label", range(10))
def test_a_picture_in_the_form_of_the_data_set_passes_untouched(label: int) -> None:
    result = prepared(Image.fromarray(digit(label)))
    assert np.array_equal(result.array[:, :, 0], digit(label)) and codes(result) == ["untouched"]


@pytest.mark.parametrize("label", range(10))
def test_the_negative_of_one_is_only_negated_and_a_grey_one_may_be_stored_in_colour(label: int) -> None:
    dark = Image.fromarray(255 - digit(label))
    for image, expected in (
        (dark, ["inverted"]),
        (dark.convert("RGB"), ["grey", "inverted"]),
        (Image.fromarray(digit(label)).convert("RGB"), ["grey", "untouched"]),
    ):
        result = prepared(image)
        assert np.array_equal(result.array[:, :, 0], digit(label)) and codes(result) == expected


@pytest.mark.parametrize("label", range(10))
def test_one_that_is_not_in_the_middle_does_not(label: int) -> None:
    result = prepared(Image.fromarray(np.roll(digit(label), 3, axis=0)))
    assert "untouched" not in codes(result) and codes(result)[-1] == "boxed"
    assert np.abs(np.subtract(centre(result.array), 14)).max() <= 0.6


@pytest.mark.parametrize("colour", ["white", "black", "grey", "red", "yellow", "#123456", "#fedcba"])
@pytest.mark.parametrize("size", [(28, 28), (300, 200), (1, 1)])
def test_a_page_of_one_colour_is_blank(colour: str, size: tuple[int, int]) -> None:
    result = prepared(Image.new("RGB", size, colour))
    assert warned(result) == ["blank"] and not result.subject and not result.array.any()


@pytest.mark.parametrize(
    ("noise", "seed"),
    [
        *((noise, seed) for noise in (1, 3, 6) for seed in range(6)),
        # Its contrast has but one level above the noise.
        (1, 16),
    ],
)
def test_paper_alone_is_blank(noise: float, seed: int) -> None:
    sheet = np.clip(paper(np.random.default_rng(seed), noise=noise), 0, 255).astype(np.uint8)
    result = prepared(Image.fromarray(sheet))
    assert warned(result) == ["blank"] and not result.subject


@pytest.mark.parametrize(("left", "right"), [(1, 1), (0, 7), (4, 2), (3, 8), (9, 5), (6, 1)])
def test_digits_side_by_side_are_warned_of(left: int, right: int) -> None:
    page = np.zeros((360, 300), np.float32)
    page[100:240, 5:145], page[110:250, 155:295] = strokes(digit(left), 140), strokes(digit(right), 140)
    result = prepared(drawn(page, WHITE, BLACK))
    assert warned(result) == ["several_digits"] and result.subject


@pytest.mark.parametrize("case", CASES)
def test_one_digit_is_not_taken_for_several(case: str) -> None:
    assert [label for label, result in enumerate(made(case, 2)) if warned(result)] == []


def test_the_same_picture_as_grey_and_as_colour_is_the_same_digit() -> None:
    grey = on_white(5).convert("L")
    one, other = (kinds.find("digit")(Picture(image, ()), SHAPE) for image in (grey, grey.convert("RGB")))
    assert np.array_equal(one.array, other.array) and codes(other) == ["grey", *codes(one)]
