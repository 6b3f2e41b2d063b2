"""A real Chromium that looks at the page of a real service, and notes what a page must never do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What Chromium itself says of an answer that is not 2xx; the page shows it in its own words.
_ANSWERED_SO = "Failed to load resource"


@contextmanager
def launched() -> Iterator[Browser]:
    """Debian's Chromium; skips where there is none."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("there is no chromium on this machine; Debian's package of that name is meant")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A page in a context of its own; `faults` lists errors, refusals by its policy and requests to elsewhere."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url, self.faults = url, list[str]()
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page: Page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        # Listened to from the start: Chromium would not yet know of a listener that comes with the click.
        self.page.on("filechooser", lambda chooser: None)
        self.page.on("request", lambda request: self._asked(request.url))

    def open(self, fragment: str = "") -> Page:
        """The page, once a model and its examples are there."""
        self.page.goto(f"{self.url}/{fragment}")
        expect(self.page.locator("#examples img").first).to_be_visible()
        return self.page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_ANSWERED_SO):
            self.faults.append(message.text)

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", "data:", "blob:")):
            self.faults.append(f"asked {url}")


def answered(page: Page, label: str) -> None:
    """Waits until the page shows this label as the answer."""
    expect(page.locator("#top")).to_have_text(label)


def draw(page: Page, *strokes: list[tuple[float, float]], lift: bool = True) -> None:
    """Moves the mouse along strokes whose points are parts of the drawing area's sides."""
    for stroke in strokes:
        (first, *others) = [_on_screen(page, *point) for point in stroke]
        page.mouse.move(*first)
        page.mouse.down()
        for point in others:
            page.mouse.move(*point, steps=10)
        if lift:
            page.mouse.up()


def tell_times(page: Page, header: str) -> None:
    """Has predictions carry this `Server-Timing`."""

    def answer(route: Route) -> None:
        fetched = route.fetch()
        route.fulfill(response=fetched, headers={**fetched.headers, "Server-Timing": header})

    page.route("**/predict?*", answer)


SEVEN = [(0.28, 0.25), (0.7, 0.25), (0.42, 0.8)]


def _on_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    box = page.locator("#drawing").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]
