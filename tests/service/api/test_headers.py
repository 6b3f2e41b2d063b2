"""What every answer tells a browser, and which other sites' pages may ask."""

import re

import pytest
from flask import Response
from werkzeug.test import Client, TestResponse

from service.settings import Settings, read_settings
from tests.app import app_over
from tests.conftest import MODELS, golden

PREDICT = "/models/mnist/predict"
SITE, OTHER = "https://example.org", "https://example.net"


def app_with(*origins: str) -> Client:
    return app_over(MODELS, cors_origins=origins).test_client()


def preflight(client: Client, origin: str, path: str = PREDICT) -> TestResponse:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST",
               "Access-Control-Request-Headers": "authorization,content-type"}  # fmt: skip
    return client.options(path, headers=headers)


@pytest.mark.parametrize("path", ["/livez", "/models", "/metrics", "/nope", PREDICT])
def test_every_answer_is_neither_guessed_nor_kept_nor_run(client: Client, path: str) -> None:
    for answer in (client.get(path), client.post(path, data=golden())):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_an_answer_that_says_otherwise_for_itself_keeps_it() -> None:
    app = app_over(MODELS)
    own = {"Content-Security-Policy": "default-src 'self'", "Cache-Control": "no-cache"}
    app.flask.add_url_rule("/own", view_func=lambda: Response("", headers=own))
    answer = app.test_client().get("/own")
    assert {name: answer.headers[name] for name in own} == own
    assert answer.headers.getlist("Content-Security-Policy") == ["default-src 'self'"]


def test_by_default_no_other_site_may_ask(client: Client) -> None:
    for answer in (preflight(client, SITE), client.post(PREDICT, data=golden(), headers={"Origin": SITE})):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_a_preflight_of_a_named_site_is_granted_all_that_requests_may_have() -> None:
    answer = preflight(app_with(SITE), SITE)
    assert answer.status_code == 204 and answer.headers["Access-Control-Allow-Origin"] == SITE
    allowed = set(re.split(r",\s*", answer.headers["Access-Control-Allow-Headers"]))
    assert {"Authorization", "Content-Type", "X-API-Key", "X-Request-ID", "X-Request-Timeout"} <= allowed
    assert "POST" in answer.headers["Access-Control-Allow-Methods"] and "Origin" in answer.headers["Vary"]


def test_an_answer_to_a_named_site_may_be_read_with_what_it_tells_beside_the_body() -> None:
    client = app_with(SITE)
    for data in (golden(), b"text"):
        answer = client.post(PREDICT, data=data, headers={"Origin": SITE})
        assert answer.headers["Access-Control-Allow-Origin"] == SITE and "Origin" in answer.headers["Vary"]
        exposed = set(re.split(r",\s*", answer.headers["Access-Control-Expose-Headers"]))
        assert {"X-Request-ID", "Server-Timing", "Retry-After"} <= exposed


@pytest.mark.parametrize("origin", [OTHER, f"{SITE}.evil.net", "null", SITE.upper()])
def test_another_site_is_granted_nothing_and_caches_are_told_why(origin: str) -> None:
    client = app_with(SITE)
    for answer in (preflight(client, origin), client.get("/models", headers={"Origin": origin})):
        assert "Access-Control-Allow-Origin" not in answer.headers and "Origin" in answer.headers["Vary"]


def test_a_star_lets_every_site_ask() -> None:
    answer = app_with("*").get("/models", headers={"Origin": OTHER})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_options_that_is_no_preflight_tells_the_methods() -> None:
    assert "POST" in app_with(SITE).options(PREDICT).headers["Allow"]


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUINT_CORS_ORIGINS", f"{SITE}, http://localhost:3000")
    assert read_settings().cors_origins == (SITE, "http://localhost:3000")
    monkeypatch.setenv("SQUINT_CORS_ORIGINS", "")
    assert read_settings().cors_origins == () == Settings().cors_origins
