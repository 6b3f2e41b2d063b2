"""The page, its files and the examples, as answers to requests."""

import re
from pathlib import Path

import pytest
from werkzeug.test import Client

from service.api import page
from service.images.decode import FORMATS
from tests.app import app_over
from tests.conftest import SHIPPED, golden, shipped

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FILES = sorted(name for name in page.read() if name != "index.html")


def test_a_browser_gets_the_page(client: Client) -> None:
    response = client.get("/", headers=BROWSER)
    assert response.mimetype == "text/html" and "<h1>Squint</h1>" in response.text
    assert 'name="max-image-bytes" content="50000"' in response.text
    assert response.headers["Vary"] == "Accept"


@pytest.mark.parametrize(
    "accept", ["*/*", None, "application/json", "text/*", "text/html;q=0", "application/json, text/html;q=0.9"]
)
def test_whoever_does_not_name_html_gets_what_kserves_client_needs(client: Client, accept: str | None) -> None:
    response = client.get("/", headers={"Accept": accept} if accept else {})
    assert response.get_json() == {"status": "alive"}
    assert response.headers["Vary"] == "Accept"


@pytest.mark.parametrize("path", ["/", *(f"/static/{name}" for name in FILES)])
def test_the_page_and_its_files_are_guarded_and_revalidated(client: Client, path: str) -> None:
    response = client.get(path, headers=BROWSER)
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-cache" and "Set-Cookie" not in response.headers
    again = client.get(path, headers=BROWSER | {"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304 and not again.data


@pytest.mark.parametrize(
    ("name", "kind"), [("page.js", "text/javascript"), ("page.css", "text/css"), ("icon.svg", "image/svg+xml")]
)
def test_files_have_their_types(client: Client, name: str, kind: str) -> None:
    assert client.get(f"/static/{name}").mimetype == kind


@pytest.mark.parametrize(
    "name", ["", "index.html", "nothing.js", "../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "page.js%00"]
)
def test_nothing_else_is_a_file_of_the_page(client: Client, name: str) -> None:
    response = client.get(f"/static/{name}")
    assert response.status_code == 404 and response.mimetype == "application/problem+json"


def test_the_page_has_no_inline_code_and_names_no_other_host() -> None:
    html = page.read()["index.html"].decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", html)
    for name, content in page.read().items():
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", content.decode()))
        assert addresses <= {"http://www.w3.org"}, name  # the name space of SVG is never fetched


def test_the_page_offers_every_format_that_is_accepted() -> None:
    (offered,) = re.findall(r'id="file"[^>]* accept="([^"]+)"', page.read()["index.html"].decode())
    assert offered.split(",") == [f"image/{name.lower()}" for name in FORMATS]


def test_every_file_that_a_file_refers_to_is_served() -> None:
    files = page.read()
    for name, content in files.items():
        text = content.decode()
        for target in re.findall(r'(?:href|src)="static/([^"]+)"|(?:from|import\() "\./([^"]+)"', text):
            assert "".join(target) in files, (name, target)


@pytest.mark.parametrize("name", SHIPPED)
def test_examples_are_the_golden_pictures_of_the_version(client: Client, name: str) -> None:
    version = int(shipped(name).name)
    for path in (f"/models/{name}/examples", f"/models/{name}/versions/{version}/examples"):
        listed = client.get(path).get_json()
        assert (listed["model"], listed["version"]) == (name, version)
        labels = client.get(f"/models/{name}").get_json()["labels"]
        assert listed["examples"] == [{"index": n, "label": label} for n, label in enumerate(labels)]
        picture = client.get(f"{path}/1.png")
        assert picture.mimetype == "image/png" and picture.data == golden(name, 1)
        assert client.get(f"{path}/1.png", headers={"If-None-Match": picture.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("path", ["mnist/examples/10.png", "mnist/versions/9/examples", "nobody/examples/0.png"])
def test_unknown_examples_are_problems(client: Client, path: str) -> None:
    response = client.get(f"/models/{path}")
    assert response.status_code == 404 and response.get_json()["code"].startswith("unknown_")


def test_an_example_whose_folder_was_taken_away_is_a_problem(models_dir: Path) -> None:
    client = app_over(models_dir).test_client()
    (models_dir / "mnist" / "1" / "golden" / "0.png").unlink()
    response = client.get("/models/mnist/examples/0.png")
    assert (response.status_code, response.get_json()["code"]) == (404, "unknown_example")
