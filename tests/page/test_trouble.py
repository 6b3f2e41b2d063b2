"""What goes wrong is told in words, with what to do about it."""

import json
import re

from playwright.sync_api import Page, Route, expect

from tests.page.browser import answered
from tests.page.conftest import Visiting
from tests.page.test_pictures import drop

PREDICT = "**/predict?*"


def problem(route: Route, status: int, detail: str, **headers: str) -> None:
    """Answers as the service does."""
    body = json.dumps({"status": status, "detail": detail, "request_id": "r1"})
    route.fulfill(status=status, body=body, content_type="application/problem+json", headers=headers)


def alert(page: Page, text: str) -> None:
    """Waits until the page tells this."""
    expect(page.get_by_role("alert")).to_contain_text(text)


def test_a_file_that_is_no_picture_is_told_and_the_next_one_answered(page: Page) -> None:
    drop(page, "letter.pdf", b"%PDF-1.7 not a picture", "application/pdf")
    alert(page, "A PDF is not accepted; save it as one of PNG, JPEG")
    alert(page, "Choose a picture file")
    expect(page.locator("#bars .top")).to_have_count(0)
    page.get_by_role("button", name="Example: 4").click()
    answered(page, "4")
    expect(page.get_by_role("alert")).to_be_empty()


def test_an_empty_and_a_broken_file_are_told(page: Page) -> None:
    drop(page, "empty.png", b"")
    alert(page, "The file is empty.")
    drop(page, "half.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    alert(page, "save it again")


def test_a_file_that_is_too_large_is_not_even_sent(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    drop(page, "huge.png", bytes(200_001))
    alert(page, "the service takes 0.2 MB at most")
    assert not [url for url in sent if "/predict" in url]


def test_dropped_text_is_told_to_be_no_file(page: Page) -> None:
    make = "() => { const t = new DataTransfer(); t.setData('text/plain', 'hello'); return t; }"
    page.dispatch_event("#stage", "drop", {"dataTransfer": page.evaluate_handle(make)})
    alert(page, "What was dropped is no file")


def test_a_busy_service_is_asked_once_more_when_it_says_so(page: Page) -> None:
    asked: list[Route] = []

    def answer(route: Route) -> None:
        asked.append(route)
        if len(asked) == 1:
            problem(route, 429, "the queue is full", **{"Retry-After": "1"})
        else:
            route.continue_()

    page.route(PREDICT, answer)
    page.get_by_role("button", name="Example: 4").click()
    alert(page, "The queue is full.")
    alert(page, "Trying once more in 1 second.")
    answered(page, "4")
    expect(page.get_by_role("alert")).to_be_empty()
    assert len(asked) == 2


def test_a_service_that_stays_busy_is_asked_again_only_by_hand(page: Page) -> None:
    page.route(PREDICT, lambda route: problem(route, 429, "the queue is full", **{"Retry-After": "0"}))
    page.get_by_role("button", name="Example: 4").click()
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    page.unroute(PREDICT)
    again.click()
    answered(page, "4")


def test_a_network_that_is_down_is_told(page: Page) -> None:
    page.route(PREDICT, lambda route: route.abort("connectionrefused"))
    page.get_by_role("button", name="Example: 7").click()
    alert(page, "could not be reached")
    page.unroute(PREDICT)
    page.get_by_role("button", name="Try again").click()
    answered(page, "7")


def test_a_failure_of_the_service_carries_its_request_id(page: Page) -> None:
    page.route(PREDICT, lambda route: problem(route, 500, "the service failed to answer"))
    page.get_by_role("button", name="Example: 4").click()
    alert(page, "Request r1.")


def test_a_proxy_that_answers_in_html_is_told_too(page: Page) -> None:
    page.route(PREDICT, lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>", content_type="text/html"))
    page.get_by_role("button", name="Example: 4").click()
    alert(page, "The service failed")


def test_models_that_cannot_be_listed_are_asked_for_again(visiting: Visiting) -> None:
    visit = visiting()
    visit.page.route("**/models", lambda route: problem(route, 503, "the models are being loaded"))
    visit.page.goto(visit.url)
    alert(visit.page, "The models are being loaded.")
    visit.page.unroute("**/models")
    visit.page.get_by_role("button", name="Try again").click()
    expect(visit.page.get_by_role("button", name="Example: ship")).to_be_visible()
    expect(visit.page.get_by_role("alert")).to_be_empty()


def test_a_key_is_asked_for_sent_and_kept_out_of_the_command(visiting: Visiting) -> None:
    visit = visiting()
    page = visit.page

    def guard(route: Route) -> None:
        if route.request.headers.get("authorization") == "Bearer open sesame":
            route.continue_()
        else:
            problem(route, 401, "this service needs a key")

    page.route(re.compile(r"/models"), guard)
    page.goto(f"{visit.url}/#mnist")
    alert(page, "This service needs a key")
    for key in ("wrong", "open sesame"):
        field = page.get_by_label("API key")
        expect(field).to_be_focused()
        field.fill(key)
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Example: 4").click()
    answered(page, "4")
    expect(page.get_by_label("API key")).to_be_hidden()
    command = page.locator("#curl").inner_text()
    assert "$SQUINT_API_KEY" in command and "sesame" not in command
    assert page.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"
