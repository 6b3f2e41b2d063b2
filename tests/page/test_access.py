"""For everybody: by keyboard alone, told to screen readers, readable in both themes and on a phone; and safe."""

import itertools
import re

import pytest
from playwright.sync_api import Page, expect

from tests.page.browser import SEVEN, answered, draw
from tests.page.conftest import Visiting

NAMELESS = """() => [...document.querySelectorAll('button, input, select, a[href], img, canvas, [role]')]
    .filter((e) => e.checkVisibility() && !e.closest('[aria-hidden=true]'))
    .filter((e) => !(e.ariaLabel || e.alt || e.labels?.length || e.textContent.trim() || e.querySelector('[alt]')))
    .filter((e) => !['status', 'alert'].includes(e.role))
    .map((e) => e.outerHTML)"""

FOCUSED = """() => { const e = document.activeElement, ring = e.matches('.file input, .modes input')
        ? e.nextElementSibling : e;
    return [e.id || e.value || e.querySelector('img')?.alt || e.tagName, getComputedStyle(ring).outlineStyle]; }"""


def test_everything_has_a_name(page: Page) -> None:
    draw(page, SEVEN)
    answered(page, "7")
    page.get_by_role("button", name="Example: 4").click()
    answered(page, "4")
    assert page.evaluate(NAMELESS) == []


def test_the_page_has_its_landmarks_and_headings(page: Page) -> None:
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_text("Squint")
    names = ["Your picture", "The answer", "Examples", "What the model saw", "The same with curl", "Time"]
    for name in names:
        expect(page.get_by_role("region", name=name, exact=True)).to_have_count(1)
    expect(page.get_by_role("heading", level=2)).to_have_text(names)
    expect(page.get_by_role("group", name="How to show it something")).to_be_visible()
    expect(page.get_by_role("list", name="Probability of each class").get_by_role("listitem")).to_have_count(10)
    expect(page.get_by_role("img", name="Drawing area, empty")).to_have_accessible_description(
        re.compile("With a keyboard choose a picture or an example")
    )


def test_the_keyboard_alone_reaches_everything_visibly(page: Page) -> None:
    walked = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(FOCUSED)
        if name == "BODY":
            break
        walked.append(name)
        assert outline != "none", name
    examples = [f"Example: {n}" for n in range(10)]
    assert walked == ["model", "version", "draw", "pen", *examples, "curl", "copy", "docs"]


def test_the_keyboard_alone_gets_an_answer(page: Page) -> None:
    page.get_by_role("radio", name="Draw").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Picture")).to_be_checked()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == ["file", "solid"]
    with page.expect_file_chooser():
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Example: 4").focus()
    page.keyboard.press("Enter")
    answered(page, "4")


def test_a_screen_reader_is_told_once_a_stroke_has_ended(page: Page) -> None:
    page.evaluate("""() => { window.told = []; new MutationObserver(() =>
        window.told.push(document.getElementById('live').textContent))
        .observe(document.getElementById('live'), { childList: true }); }""")
    live = page.locator("#live")
    expect(live).to_have_role("status")
    draw(page, SEVEN)
    expect(live).to_have_text(re.compile(r"^7, [<>]? ?[\d.]+ %$"))
    assert len([text for text in page.evaluate("told") if text]) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(visiting: Visiting, scheme: str) -> None:
    page = visiting(color_scheme=scheme).open()
    read = "(names) => names.map((n) => getComputedStyle(document.documentElement).getPropertyValue(`--${n}`).trim())"
    for ink, ground in [
        *itertools.product(("text", "muted", "accent", "alarm"), ("ground", "surface")),
        ("on-accent", "accent"),
        ("ground", "alarm"),
    ]:
        assert contrast(*page.evaluate(read, [ink, ground])) >= 4.5, (ink, ground)


def contrast(one: str, other: str) -> float:
    """WCAG 2's ratio of two colours like #fff or #1c1d20."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("width", [320, 390, 700, 1000, 1280])
def test_nothing_is_wider_than_the_window(visiting: Visiting, width: int) -> None:
    page = visiting(viewport={"width": width, "height": 844}).open("#fashion_mnist")
    page.get_by_role("button", name="Example: Ankle boot").click()
    answered(page, "Ankle boot")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_answer_is_in_sight_while_drawing_on_a_phone(visiting: Visiting) -> None:
    page = visiting(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).open("#mnist")
    expect(page.locator("#top")).to_be_in_viewport()
    expect(page.locator("#bars li").nth(5)).to_be_in_viewport()


def test_bars_do_not_move_for_whom_motion_is_too_much(visiting: Visiting) -> None:
    page = visiting(reduced_motion="reduce").open()
    duration = "getComputedStyle(document.querySelector('.track span')).transitionDuration"
    assert page.evaluate(duration) in ("0s", "")


def test_a_script_that_is_not_ours_does_not_run(visiting: Visiting) -> None:
    visit = visiting()
    page = visit.open()
    page.evaluate("""() => { const script = document.createElement('script');
        script.textContent = 'window.foreign = true'; document.body.append(script); }""")
    assert page.evaluate("window.foreign") is None
    assert any("Content Security Policy" in fault for fault in visit.faults)
    visit.faults.clear()


def test_no_cookie_is_set(visiting: Visiting) -> None:
    visit = visiting()
    visit.open()
    assert visit.context.cookies() == []
