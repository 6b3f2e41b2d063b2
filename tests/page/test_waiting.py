"""No answer and no error stands beside a picture it does not belong to, however late and in what order they come."""

import json
from itertools import groupby

from playwright.sync_api import Page, Route, expect

from tests.conftest import golden
from tests.page.browser import SEVEN, answered, draw
from tests.page.conftest import Visiting
from tests.page.test_pictures import drop
from tests.page.test_trouble import PREDICT, alert

ONE = [(0.5, 0.2), (0.5, 0.8)]
# At most half a minute.
MAX_LOOKS, LOOK_MS = 1500, 20


class Held:
    """Requests that are answered only when a test says so, in any order."""

    def __init__(self, page: Page, url: str = PREDICT) -> None:
        self._page, self._routes = page, list[Route]()
        page.route(url, lambda route: self._routes.append(route))

    def request(self, index: int) -> Route:
        """Waits until so many were sent."""
        for _ in range(MAX_LOOKS):
            if index < len(self._routes):
                return self._routes[index]
            self._page.wait_for_timeout(LOOK_MS)
        raise AssertionError(f"request {index} was not sent")

    def answer(self, index: int) -> None:
        """Has the service answer one, which the page may have given up meanwhile."""
        self.request(index).continue_()

    def refuse(self, index: int, detail: str) -> None:
        """Answers one with an error."""
        body = json.dumps({"status": 422, "detail": detail})
        self.request(index).fulfill(status=422, body=body, content_type="application/problem+json")


def click_example(page: Page, label: str) -> None:
    page.get_by_role("button", name=f"Example: {label}").click()


def waits(page: Page) -> None:
    """The page says that it looks, and nothing else."""
    assert page.locator("#result").get_attribute("aria-busy") == "true"
    assert shows_nothing(page)
    expect(page.get_by_text("Looking…")).to_be_visible()
    assert shows_nothing(page)


def shows_nothing(page: Page) -> bool:
    """Whether neither an answer nor an error is there, without waiting for it."""
    texts = [page.locator(name).inner_text() for name in ("#top", "#sure", "#notes", "#steps", "#trouble")]
    values = set(page.locator("#bars .value").all_inner_texts())
    return [texts, values, page.locator("#seen").is_visible()] == [["–", "", "", "", ""], {"–"}, False]


def rests(page: Page, label: str) -> None:
    """The page shows this answer and waits for nothing."""
    answered(page, label)
    expect(page.locator("#result")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#top")).to_have_css("opacity", "1")
    expect(page.get_by_text("Looking…")).to_be_hidden()


def test_the_last_answer_goes_as_soon_as_another_picture_comes(page: Page) -> None:
    click_example(page, "4")
    rests(page, "4")
    held = Held(page)
    drop(page, "nine.png", golden("mnist", 9))
    waits(page)
    held.answer(0)
    rests(page, "9")


def test_an_answer_that_comes_soon_is_not_announced(visiting: Visiting) -> None:
    page = visiting().open("#mnist")
    page.clock.install()
    page.clock.pause_at("2100-01-01")
    held = Held(page)
    click_example(page, "4")
    page.clock.run_for(190)
    expect(page.get_by_text("Looking…")).to_be_hidden()
    page.clock.run_for(20)
    expect(page.get_by_text("Looking…")).to_be_visible()
    held.answer(0)
    rests(page, "4")


def test_an_answer_that_comes_after_that_of_a_later_picture_is_not_shown(page: Page) -> None:
    held = Held(page)
    click_example(page, "4")
    held.request(0)
    click_example(page, "9")
    held.answer(1)
    rests(page, "9")
    held.answer(0)
    click_example(page, "7")
    held.answer(2)
    rests(page, "7")


def test_an_answer_goes_where_the_next_picture_is_refused(page: Page) -> None:
    click_example(page, "4")
    rests(page, "4")
    held = Held(page)
    drop(page, "broken.png", b"broken")
    waits(page)
    held.refuse(0, "this is broken")
    alert(page, "This is broken.")
    expect(page.locator("#result")).to_have_attribute("aria-busy", "false")
    answered(page, "–")


def test_an_error_about_the_picture_before_is_not_shown(page: Page) -> None:
    held = Held(page)
    drop(page, "broken.png", b"broken")
    held.request(0)
    click_example(page, "4")
    held.request(1)
    held.refuse(0, "this is broken")
    waits(page)
    held.answer(1)
    rests(page, "4")


def test_an_answer_goes_as_soon_as_another_model_is_chosen(page: Page) -> None:
    drop(page, "boot.png", golden("fashion_mnist", 9))
    expect(page.locator("#bars .top")).to_have_count(1)
    description, held = Held(page, "**/models/fashion_mnist"), Held(page)
    page.get_by_role("combobox", name="Model").select_option("fashion_mnist")
    waits(page)
    description.answer(0)
    waits(page)
    held.answer(0)
    rests(page, "Ankle boot")


def test_an_answer_of_the_model_before_is_not_shown(page: Page) -> None:
    held = Held(page)
    drop(page, "boot.png", golden("fashion_mnist", 9))
    held.request(0)
    page.get_by_role("combobox", name="Model").select_option("fashion_mnist")
    held.request(1)
    held.answer(0)
    waits(page)
    held.answer(1)
    rests(page, "Ankle boot")


def test_a_picture_that_comes_before_the_model_is_known_is_answered_with_its_labels(page: Page) -> None:
    description = Held(page, "**/models/fashion_mnist")
    page.get_by_role("combobox", name="Model").select_option("fashion_mnist")
    drop(page, "boot.png", golden("fashion_mnist", 9))
    waits(page)
    description.answer(0)
    rests(page, "Ankle boot")
    expect(page.locator("#bars .top .name")).to_have_text("Ankle boot")


def test_a_picture_that_comes_after_the_models_could_not_be_listed_asks_for_them_again(page: Page) -> None:
    page.route("**/models/fashion_mnist", lambda route: route.abort("connectionrefused"))
    page.get_by_role("combobox", name="Model").select_option("fashion_mnist")
    alert(page, "could not be reached")
    page.unroute("**/models/fashion_mnist")
    drop(page, "boot.png", golden("fashion_mnist", 9))
    rests(page, "Ankle boot")


def test_the_answer_is_dimmed_while_the_drawing_changes_and_does_not_flicker(page: Page) -> None:
    draw(page, SEVEN)
    rests(page, "7")
    page.evaluate("""() => { window.seen = []; new MutationObserver(() => window.seen.push(document.body.className))
        .observe(document.body, { attributeFilter: ['class'] }); }""")
    draw(page, [(0.2, 0.5), (0.8, 0.5)], ONE, lift=False)
    expect(page.locator("#top")).to_have_css("opacity", "0.45")
    expect(page.locator("#result")).to_have_attribute("aria-busy", "true")
    page.mouse.up()
    expect(page.locator("#top")).to_have_css("opacity", "1")
    assert [name for name, _ in groupby(page.evaluate("seen"))] == ["drawn dimmed", "drawn"]


def test_a_drawing_is_said_to_be_looked_at_once_the_stroke_has_ended(page: Page) -> None:
    draw(page, SEVEN)
    rests(page, "7")
    held = Held(page)
    draw(page, [(0.2, 0.5), (0.8, 0.5)], lift=False)
    held.request(0)
    expect(page.locator("#top")).to_have_css("opacity", "0.45")
    expect(page.get_by_text("Looking…")).to_be_hidden()
    page.mouse.up()
    expect(page.get_by_text("Looking…")).to_be_visible()
    answered(page, "7")
    held.answer(0)
    held.answer(1)
    expect(page.get_by_text("Looking…")).to_be_hidden()
    expect(page.locator("#result")).to_have_attribute("aria-busy", "false")


def test_going_from_a_picture_to_the_drawing_takes_its_answer_away(page: Page) -> None:
    draw(page, SEVEN)
    rests(page, "7")
    click_example(page, "4")
    rests(page, "4")
    held = Held(page)
    page.get_by_role("radio", name="Draw").check()
    waits(page)
    held.answer(0)
    rests(page, "7")
