"""Pictures chosen, dropped, pasted, clicked; and the command that asks the same."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.conftest import golden
from tests.page.browser import SEVEN, answered, draw
from tests.page.conftest import Visiting

# A name that a shell would take apart.
NASTY_NAME = 'it\'s a "$HOME"; boot, 9.png'


def drop(page: Page, name: str, content: bytes, kind: str = "image/png") -> None:
    """Lets a file fall on the page, as a file manager does."""
    make = """([name, text, type]) => {
        const transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type }));
        return transfer;
    }"""
    transfer = page.evaluate_handle(make, [name, base64.b64encode(content).decode(), kind])
    page.dispatch_event("#stage", "dragover", {"dataTransfer": transfer})
    page.dispatch_event("#stage", "drop", {"dataTransfer": transfer})


def test_a_dropped_photo_is_answered(page: Page) -> None:
    page.get_by_role("combobox", name="Model").select_option("cifar10")
    drop(page, "ship.png", golden("cifar10", 8))
    answered(page, "ship")
    expect(page.get_by_role("img", name="Your picture: ship.png")).to_be_visible()
    expect(page.get_by_role("radio", name="Picture")).to_be_checked()
    expect(page.locator("#notes")).to_be_empty()


@pytest.mark.parametrize("label", ["Choose a picture", "Take a photo"])
def test_a_chosen_or_photographed_picture_is_answered(visiting: Visiting, label: str) -> None:
    page = visiting(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).open("#fashion_mnist")
    with page.expect_file_chooser() as chooser:
        page.get_by_text(label, exact=True).tap()
    chooser.value.set_files([FilePayload(name="boot.png", mimeType="image/png", buffer=golden("fashion_mnist", 9))])
    answered(page, "Ankle boot")


def test_a_pasted_picture_is_answered(visiting: Visiting) -> None:
    page = visiting(permissions=["clipboard-read", "clipboard-write"]).open("#mnist")
    put = "async (text) => { const blob = await (await fetch('models/mnist/examples/3.png')).blob();"
    put += "await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]); }"
    page.evaluate(put)
    page.keyboard.press("Control+v")
    answered(page, "3")
    expect(page.get_by_role("img", name="Your picture: pasted.png")).to_be_visible()


def test_a_clicked_example_is_answered(page: Page) -> None:
    page.get_by_role("button", name="Example: 4").click()
    answered(page, "4")
    expect(page.locator("#steps")).to_have_text("Already in the form of the data set")


def test_a_picture_that_the_browser_cannot_show_is_answered(page: Page) -> None:
    tiff = Path("tests/golden/nasty/200-plain.tiff").read_bytes()
    drop(page, "scan.tiff", tiff, "image/tiff")
    expect(page.locator("#bars .top")).to_have_count(1)
    expect(page.locator("#drop-hint")).to_have_text("scan.tiff cannot be shown by this browser")


def test_removing_a_picture_and_going_back_to_the_drawing(page: Page) -> None:
    draw(page, SEVEN)
    answered(page, "7")
    page.get_by_role("button", name="Example: 4").click()
    answered(page, "4")
    page.get_by_role("button", name="Remove").click()
    answered(page, "–")
    page.get_by_role("radio", name="Draw").check()
    answered(page, "7")


def test_a_blank_picture_has_its_warning_in_plain_words(page: Page) -> None:
    blank = base64.b64decode(page.evaluate("document.createElement('canvas').toDataURL().split(',')[1]"))
    drop(page, "blank.png", blank)
    expect(page.locator("#notes .warning")).to_have_text(
        [re.compile("unlike anything the model was trained on"), re.compile("looks like a blank page")]
    )
    expect(page.locator("#live")).to_contain_text("blank page")


def run(command: str, folder: Path) -> dict[str, Any]:
    """The JSON that a shell command prints."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    printed = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, check=True).stdout
    answer: dict[str, Any] = json.loads(printed)
    return answer


def shown(page: Page) -> list[str]:
    """The bars' percentages."""
    return page.locator("#bars .value").all_inner_texts()


def same(answer: dict[str, Any], page: Page) -> bool:
    """Whether a command's answer is what the page shows."""
    (prediction,) = answer["predictions"]
    wide = [round(100 * p, 1) for p in prediction["probabilities"].values()]
    bars = [float(text.strip("<> %")) for text in shown(page)]
    close = all(abs(a - b) <= 0.11 for a, b in zip(wide, bars, strict=True))
    return close and prediction["label"] == page.locator("#top").inner_text()


def test_the_command_for_a_file_names_it_for_a_shell(page: Page, tmp_path: Path) -> None:
    page.get_by_role("combobox", name="Model").select_option("fashion_mnist")
    (tmp_path / NASTY_NAME).write_bytes(golden("fashion_mnist", 9))
    page.set_input_files("#file", tmp_path / NASTY_NAME)
    answered(page, "Ankle boot")
    expect(page.locator("#curl")).to_have_text(re.compile("boot, 9"))
    assert same(run(page.locator("#curl").inner_text(), tmp_path), page)


def test_the_command_for_a_drawing_holds_it(page: Page, tmp_path: Path) -> None:
    draw(page, SEVEN)
    answered(page, "7")
    expect(page.locator("#curl")).to_have_text(re.compile("images"))
    assert same(run(page.locator("#curl").inner_text(), tmp_path), page)


def test_the_command_for_an_example_fetches_it(page: Page, tmp_path: Path) -> None:
    page.get_by_role("combobox", name="Version").select_option("1")
    page.get_by_role("button", name="Example: 5").click()
    answered(page, "5")
    expect(page.locator("#curl")).to_have_text(re.compile("examples/5"))
    answer = run(page.locator("#curl").inner_text(), tmp_path)
    assert same(answer, page) and answer["version"] == 1


def test_the_command_is_copied(visiting: Visiting) -> None:
    page = visiting(permissions=["clipboard-read", "clipboard-write"]).open("#mnist")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#curl").inner_text()


def test_a_drawing_can_be_saved(page: Page) -> None:
    draw(page, SEVEN)
    answered(page, "7")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save this picture").click()
    assert download.value.suggested_filename == "drawing.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
