"""Drawing: live, smooth, undone and cleared, by mouse and by finger, on light and on dark."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.page.browser import SEVEN, answered, draw, tell_times
from tests.page.conftest import Visiting

ONE = [(0.5, 0.2), (0.5, 0.8)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_drawn_seven_is_a_seven_on_either_ground(visiting: Visiting, scheme: str) -> None:
    page = visiting(color_scheme=scheme).open("#mnist")
    draw(page, SEVEN)
    answered(page, "7")
    expect(page.locator("#bars .top .name")).to_have_text("7")
    swapped = "Dark ink on a light ground" if scheme == "light" else "Light ink on a dark ground"
    expect(page.locator("#steps")).to_contain_text(swapped)


def test_a_seven_drawn_by_a_finger_on_a_phone_is_a_seven(visiting: Visiting) -> None:
    visit = visiting(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = visit.open("#mnist")
    box = page.locator("#drawing").bounding_box()
    assert box is not None
    finger = visit.context.new_cdp_session(page)
    (start, corner, end) = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
    path = [start, *along(start, corner), *along(corner, end)]
    for n, (x, y) in enumerate(path):
        kind = "touchMove" if n else "touchStart"
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    answered(page, "7")
    assert page.evaluate("scrollY") == 0


def along(start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
    """Nine places on the way, and the end."""
    return [tuple(a + (b - a) * n / 10 for a, b in zip(start, end, strict=True)) for n in range(1, 11)]  # type: ignore[misc]


def test_bars_move_while_the_stroke_does_with_one_request_at_a_time(page: Page) -> None:
    under_way, most, sent = 0, 0, 0

    def began(url: str) -> None:
        nonlocal under_way, most, sent
        if "/predict" in url:
            under_way, sent = under_way + 1, sent + 1
            most = max(most, under_way)

    def ended(url: str) -> None:
        nonlocal under_way
        under_way -= "/predict" in url

    page.on("request", lambda request: began(request.url))
    page.on("requestfinished", lambda request: ended(request.url))
    page.on("requestfailed", lambda request: ended(request.url))
    draw(page, SEVEN, lift=False)
    answered(page, "7")
    page.mouse.up()
    expect(page.locator("#live")).to_have_text(re.compile("^7, "))
    assert most == 1 and sent >= 2


def test_a_late_answer_is_given_up_for_a_newer_one(page: Page) -> None:
    held: list[object] = []
    page.route("**/predict?*", lambda route: route.continue_() if held else held.append(route))
    draw(page, ONE)
    draw(page, [(0.3, 0.3), (0.5, 0.2)])
    expect(page.locator("#bars .top")).to_have_count(1)
    assert len(held) == 1


def test_undo_takes_back_a_stroke_and_clear_all_of_them(page: Page) -> None:
    undo, clear = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Clear")
    expect(undo).to_be_disabled()
    draw(page, SEVEN)
    answered(page, "7")
    draw(page, [(0.2, 0.9), (0.8, 0.9)], [(0.2, 0.1), (0.8, 0.1)])
    undo.click()
    page.keyboard.press("Control+z")
    answered(page, "7")
    clear.click()
    answered(page, "–")
    expect(clear).to_be_disabled()
    expect(page.get_by_role("img", name="Drawing area, empty")).to_be_visible()


def test_the_pen_has_a_width(page: Page) -> None:
    inked = []
    for width in (8, 32):
        page.get_by_label("Pen width").fill(str(width))
        draw(page, ONE)
        inked.append(ink(page))
        page.get_by_role("button", name="Clear").click()
    assert 3 < inked[1] / inked[0] < 5


def ink(page: Page) -> int:
    """How many pixels of the drawing area are dark."""
    url = page.evaluate("document.getElementById('drawing').toDataURL()")
    picture = Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L")
    return int((np.asarray(picture) < 128).sum())


def test_what_the_model_saw_is_shown_enlarged(page: Page) -> None:
    draw(page, SEVEN)
    seen = page.get_by_role("img", name="The picture as the model saw it")
    expect(seen).to_be_visible()
    natural, shown, rendering = seen.evaluate("i => [i.naturalWidth, i.width, getComputedStyle(i).imageRendering]")
    assert (natural, rendering) == (28, "pixelated") and shown >= 4 * natural


WHERE = """() => [...document.querySelectorAll('main > section, #bars li, .frame, #curl, #times, footer')]
    .map((e) => [e.tagName, e.getBoundingClientRect().top + scrollY, e.getBoundingClientRect().left])"""


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_nothing_jumps_when_an_answer_arrives(visiting: Visiting, width: int, height: int) -> None:
    page = visiting(viewport={"width": width, "height": height}).open("#mnist")
    tell_times(page, "queue;dur=12.4, decode;dur=1.25, prepare;dur=2.3, infer;dur=0.5, total;dur=18.3")
    before = page.evaluate(WHERE)
    draw(page, SEVEN)
    answered(page, "7")
    expect(page.locator("#save")).to_be_visible()
    assert page.evaluate(WHERE) == before
    tell_times(page, "queue;dur=1234, decode;dur=1234, prepare;dur=1234, infer;dur=1234, total;dur=12345")
    draw(page, [(0.9, 0.1), (0.9, 0.9)], [(0.1, 0.1), (0.1, 0.9)])
    expect(page.locator("#notes .warning")).to_contain_text("several digits")
    assert page.evaluate(WHERE) == before
