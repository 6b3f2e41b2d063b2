"""Which model and version answers, and what is told of it."""

import json
import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.page.browser import SEVEN, answered, draw, tell_times
from tests.page.conftest import Visiting
from tests.page.test_pictures import drop


def test_another_model_answers_about_the_same_picture_and_has_its_own_examples(page: Page) -> None:
    drop(page, "mine.bmp", page.request.get(page.url.split("#")[0] + "models/fashion_mnist/examples/9.png").body())
    expect(page.locator("#bars .top")).to_have_count(1)
    page.get_by_role("combobox", name="Model").select_option("fashion_mnist")
    answered(page, "Ankle boot")
    expect(page.locator("#bars .name").first).to_have_text("T-shirt/top")
    expect(page.get_by_role("button", name="Example: Sneaker")).to_be_visible()
    expect(page.locator("#about")).to_contain_text("fashion_mnist 1 · 10 classes · 28×28 grey")


def test_an_example_is_not_shown_to_another_model(page: Page) -> None:
    page.get_by_role("button", name="Example: 4").click()
    answered(page, "4")
    page.get_by_role("combobox", name="Model").select_option("cifar10")
    answered(page, "–")
    expect(page.locator("#picture")).to_be_hidden()


def test_drawing_comes_first_for_digits_and_uploading_for_others(page: Page) -> None:
    expect(page.get_by_role("radio", name="Draw")).to_be_checked()
    page.get_by_role("combobox", name="Model").select_option("cifar10")
    expect(page.get_by_role("radio", name="Picture")).to_be_checked()
    expect(page.locator("#drawing")).to_be_hidden()


def test_a_chosen_version_is_the_one_that_is_asked(page: Page) -> None:
    expect(page.get_by_role("combobox", name="Version").locator("option")).to_have_text(
        ["latest (2)", "2", "1 (stable, old)"]
    )
    page.get_by_role("combobox", name="Version").select_option("1")
    with page.expect_request(re.compile(r"/models/mnist/versions/1/predict")):
        draw(page, SEVEN)
    answered(page, "7")
    expect(page.locator("#curl")).to_contain_text("/models/mnist/versions/1/predict")


def test_the_choice_is_in_the_address(visiting: Visiting) -> None:
    page = visiting().open("#mnist/1")
    expect(page.get_by_role("combobox", name="Version")).to_have_value("1")
    page.get_by_role("combobox", name="Model").select_option("cifar10")
    expect(page).to_have_url(re.compile("#cifar10$"))


def test_a_model_that_cannot_answer_cannot_be_chosen(visiting: Visiting) -> None:
    visit = visiting()

    def also_broken(route: Route) -> None:
        models = route.fetch().json()["models"]
        route.fulfill(
            json={"models": [{"name": "broken", "version": None, "versions": [], "version_labels": {}}, *models]}
        )

    visit.page.route("**/models", also_broken)
    page = visit.open("#broken")
    expect(page.locator("#model option", has_text="broken")).to_be_disabled()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("cifar10")


def test_of_a_hundred_classes_the_ten_likeliest_have_bars(visiting: Visiting) -> None:
    visit = visiting()
    labels = [f"class {n}" for n in range(100)]

    def described(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "labels": labels})

    def predicted(route: Route) -> None:
        answer: dict[str, Any] = route.fetch().json()
        likely = {label: 0.5 if n == 71 else 0.25 if n == 3 else 0.25 / 98 for n, label in enumerate(labels)}
        answer["predictions"][0] |= {"label": "class 71", "probability": 0.5, "probabilities": likely}
        route.fulfill(body=json.dumps(answer), content_type="application/json")

    visit.page.route("**/models/mnist", described)
    visit.page.route("**/predict?*", predicted)
    page = visit.open("#mnist")
    page.get_by_role("button", name="Example: 4").click()
    answered(page, "class 71")
    names = page.locator("#bars .name").all_inner_texts()
    assert len(names) == 10 and names[:2] == ["class 71", "class 3"]


def test_times_are_those_of_the_service_and_the_round_trip(page: Page) -> None:
    timing = 'decode;dur=1.25, infer;desc="the model";dur=0.5, cache, queue;dur=12.4, total;dur=20'
    tell_times(page, timing)
    page.get_by_role("button", name="Example: 4").click()
    answered(page, "4")
    expect(page.locator("#times dt")).to_have_text(["round trip", "decode", "infer", "queue", "service"])
    expect(page.locator("#times dd")).to_have_text([re.compile(r"^[\d.]+ ms$"), "1.3 ms", "0.5 ms", "12 ms", "20 ms"])


def test_a_version_that_was_published_meanwhile_is_told_as_the_one_that_answers(visiting: Visiting) -> None:
    visit = visiting()
    page = visit.open("#mnist")
    expect(page.locator("#about")).to_contain_text("mnist 2")

    def by_the_third(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"version": 3})

    def with_a_third(route: Route) -> None:
        models = route.fetch().json()["models"]
        third = {"version": 3, "versions": [1, 2, 3]}
        route.fulfill(json={"models": [one | third if one["name"] == "mnist" else one for one in models]})

    page.route(re.compile(r"/models/mnist(/predict.*)?$"), by_the_third)
    page.route(re.compile(r"/models$"), with_a_third)
    draw(page, SEVEN)
    answered(page, "7")
    expect(page.locator("#about")).to_contain_text("mnist 3")
    expect(page.get_by_role("combobox", name="Version").locator("option").first).to_have_text("latest (3)")
