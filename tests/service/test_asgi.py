"""Limits, keys, body and admission in front of Flask: each refusal is a whole answer, and nothing is done in vain."""

import asyncio
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest

from service import auth
from service.asgi import Application
from service.errors import HeadTooLarge
from service.logs import JsonFormatter
from tests.app import app_over, run
from tests.conftest import MODELS, golden
from tests.exchange import Exchange
from tests.service.busy import LONG_S, PREDICT, busy, predict, until

V1, V2 = "/v1/models/mnist:predict", "/v2/models/mnist/infer"
SITE = "https://example.org"
MAX_BYTES = 4096
LATE = "a body that stops"
PREDICT_KEY, PREDICT_LINE = auth.make("predictor", ["predict"])
METRICS_KEY, METRICS_LINE = auth.make("scraper", ["metrics"])
KEYS = {"X-API-Key": PREDICT_KEY}


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Application:
    """One computing thread, small bodies, and time for everything."""
    return _application(tmp_path_factory)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Application:
    """The same, where nobody waits for long for a body or for a turn."""
    return _application(tmp_path_factory, body_timeout_s=0.01, max_wait_s=0.01)


def _application(tmp_path_factory: pytest.TempPathFactory, **limits: float) -> Application:
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"{PREDICT_LINE}\n{METRICS_LINE}\n")
    settings: dict[str, Any] = {"cors_origins": (SITE,), "max_request_bytes": MAX_BYTES, "max_held_bytes": 2**20}
    return app_over(MODELS, api_keys_file=keys, workers=256, **settings, **limits).application


def ask(application: Application, exchange: Exchange) -> Exchange:
    return run(exchange.run(application))


REFUSALS: dict[str, tuple[int, str, Callable[[str], Exchange]]] = {
    "a malformed time limit": (400, "bad_timeout", lambda path: post(path, X_Request_Timeout="soon")),
    "no key": (401, "unauthorized", lambda path: post(path, X_API_Key="")),
    "a key without the role": (403, "forbidden", lambda path: post(path, X_API_Key=METRICS_KEY)),
    LATE: (408, "request_timeout", lambda path: post(path, is_complete=False)),
    "a long Content-Length": (413, "request_entity_too_large", lambda path: post(path, Content_Length=f"{2**40}")),
    "a long body in chunks": (413, "request_entity_too_large", lambda path: post(path, *[b"x" * 1000] * 9)),
}


def post(path: str, *chunks: bytes, is_complete: bool = True, **headers: str) -> Exchange:
    """A request of an allowed site."""
    sent = {"X-Request-ID": "mine", "Origin": SITE, **KEYS}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange("POST", path, *(chunks or (b"x",)), headers=sent, is_complete=is_complete)


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The log lines of requests."""
    records = [record for record in caplog.records if record.name == "service.api.telemetry"]
    return [json.loads(JsonFormatter().format(record)) for record in records]


def counted(application: Application, status: int) -> int:
    """How many requests with this status were refused before they were routed."""
    line = re.compile(rf'squint_http_requests_total{{.*route="unrouted",status="{status}"}} (\S+)')
    return sum(int(float(value)) for value in line.findall(application._metrics.text().decode()))


def check_whole(exchange: Exchange, status: int, code: str, path: str) -> None:
    """The answer is a problem document, or has the shape of /v1 and /v2, with the headers that every answer has."""
    content, headers = json.loads(exchange.body), exchange.headers
    assert exchange.status == status
    if path == PREDICT:
        assert headers["content-type"] == "application/problem+json"
        assert (content["status"], content["code"], content["request_id"]) == (status, code, "mine")
        assert content["detail"]
    else:
        assert headers["content-type"] == "application/json" and list(content) == ["error"]
    assert headers["x-request-id"] == "mine" and headers["x-content-type-options"] == "nosniff"
    assert headers["access-control-allow-origin"] == SITE and headers["vary"] == "Origin"
    assert "X-Request-ID" in headers["access-control-expose-headers"]
    assert int(headers["content-length"]) == len(exchange.body)
    assert len({name for name, _ in exchange.header_list}) == len(exchange.header_list)


@pytest.mark.parametrize("path", [PREDICT, V1, V2])
@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_is_a_whole_answer_and_is_logged_and_counted(
    application: Application, strict: Application, caplog: pytest.LogCaptureFixture, reason: str, path: str
) -> None:
    status, code, request = REFUSALS[reason]
    application = strict if reason == LATE else application
    before = counted(application, status)
    with caplog.at_level(logging.INFO, "service.api.telemetry"):
        exchange = ask(application, request(path))
    check_whole(exchange, status, code, path)
    (line,) = logged(caplog)
    assert (line["id"], line["method"], line["route"], line["status"], line["code"]) == (
        "mine", "POST", "unrouted", status, code
    )  # fmt: skip
    assert counted(application, status) == before + 1


@pytest.mark.parametrize("path", [PREDICT, V1, V2])
@pytest.mark.parametrize(
    ("limit", "status", "code", "total"),
    [({}, 429, "overloaded", "squint_requests_shed"),
     ({"X_Request_Timeout": "0.000001"}, 504, "deadline_passed", "squint_request_deadlines_passed")],
    ids=["the service's limit", "the caller's limit"],
)  # fmt: skip
def test_a_request_without_a_turn_in_time_is_refused_whole_and_keeps_its_connection(
    strict: Application, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
    path: str, limit: dict[str, Any], status: int, code: str, total: str,
) -> None:  # fmt: skip
    async def refused() -> Exchange:
        async with busy(strict, monkeypatch, X_API_Key=PREDICT_KEY) as gate:
            exchange = await post(path, golden(), **limit).run(strict)
            assert "mine" not in gate.computed
        assert "mine" not in gate.computed
        return exchange

    before = counted(strict, status)
    with caplog.at_level(logging.INFO, "service.api.telemetry"):
        exchange = run(refused())
    check_whole(exchange, status, code, path)
    assert "connection" not in exchange.headers and ("retry-after" in exchange.headers) == (status == 429)
    (line,) = [line for line in logged(caplog) if line["id"] == "mine"]
    assert (line["status"], line["code"], line["bytes_in"]) == (status, code, len(golden()))
    assert counted(strict, status) == before + 1
    assert f'{total}_total{{route="unrouted"}} {before + 1}.0' in strict._metrics.text().decode()


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_of_a_body_that_is_not_whole_closes_the_connection(
    application: Application, strict: Application, reason: str
) -> None:
    assert ask(strict if reason == LATE else application, REFUSALS[reason][2](PREDICT)).headers["connection"] == "close"


@pytest.mark.parametrize(
    "reason", ["a malformed time limit", "no key", "a key without the role", "a long Content-Length"]
)
def test_a_refusal_by_the_head_is_sent_before_the_body_is_read(application: Application, reason: str) -> None:
    events = ask(application, REFUSALS[reason][2](PREDICT)).events
    assert events[:2] == ["http.response.start", "http.response.body"]


def test_a_body_in_chunks_is_read_until_it_is_too_large(application: Application) -> None:
    exchange = ask(application, post(PREDICT, *[b"x" * 1000] * 9))
    assert exchange.events.index("http.response.start") == MAX_BYTES // 1000 + 1


def test_a_body_of_the_largest_size_is_taken(application: Application) -> None:
    answer = ask(application, post(PREDICT, b"x" * MAX_BYTES))
    assert (answer.status, "connection" in answer.headers) == (415, False)


@pytest.mark.parametrize(("path", "allowed"), [("/livez", "GET, HEAD"), ("/v2/health/ready", "GET, HEAD")])
def test_a_probe_has_only_get_and_head(application: Application, path: str, allowed: str) -> None:
    answer = ask(application, Exchange("DELETE", path))
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert ("error" in json.loads(answer.body)) == path.startswith("/v2")
    head = ask(application, Exchange("HEAD", path))
    assert (head.status, head.body) == (200, b"") and int(head.headers["content-length"]) > 0


def test_an_unknown_path_is_a_whole_404(application: Application, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "service.api.telemetry"):
        exchange = ask(application, post("/models/none/predict", golden()))
    assert (exchange.status, json.loads(exchange.body)["code"]) == (404, "unknown_model")
    assert exchange.headers["access-control-allow-origin"] == SITE
    assert [(line["id"], line["status"]) for line in logged(caplog)] == [("mine", 404)]


def test_a_client_that_leaves_while_it_sends_is_logged_as_abandoned(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = post(PREDICT, is_complete=False)
    exchange.leave()
    with caplog.at_level(logging.INFO, "service.api.telemetry"):
        ask(application, exchange)
    assert [(line["status"], line["code"]) for line in logged(caplog)] == [(400, "abandoned")]


def test_the_bytes_of_all_bodies_are_bounded_and_the_largest_one_yields() -> None:
    application = app_over(MODELS, max_request_bytes=2**20, max_held_bytes=2**20, body_timeout_s=LONG_S).application

    async def answers() -> tuple[Exchange, Exchange]:
        large, small = (post(PREDICT, b"x" * size, is_complete=False) for size in (700_000, 300_000))
        waiting = [asyncio.create_task(one.run(application)) for one in (large, small)]
        await until(lambda: application._bodies._held_bytes == 1_000_000)
        other = await post(PREDICT, b"x" * 60_000).run(application)
        assert other.status == 415
        await waiting[0]
        assert application._bodies._held_bytes == 300_000
        small.leave()
        await waiting[1]
        assert application._bodies._held_bytes == 0
        return large, small

    large, small = run(answers())
    assert (large.status, json.loads(large.body)["code"]) == (429, "overloaded")
    assert (small.status, json.loads(small.body)["code"]) == (400, "abandoned")


def test_while_the_worker_stops_it_is_not_ready_and_still_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    application = app_over(MODELS).application
    application.stopping = application.closing = True
    ready, alive = (ask(application, Exchange("GET", path)) for path in ("/readyz", "/livez"))
    assert (ready.status, ready.headers["retry-after"], alive.status) == (503, "1", 200)
    assert json.loads(ask(application, Exchange("GET", "/v2/health/ready")).body)["ready"] is False
    answer = ask(application, predict())
    assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_a_connection_without_a_head_is_refused_whole(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "service.api.telemetry"):
        head, _, body = application.refuse_connection(HeadTooLarge("too long")).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    content, (line,) = json.loads(body), logged(caplog)
    assert lines[0] == b"HTTP/1.1 431 Request Header Fields Too Large" and b"connection: close" in lines
    assert b"content-length: %d" % len(body) in lines and b"x-request-id: " + line["id"].encode() in lines
    assert (content["code"], content["request_id"]) == ("malformed_request", line["id"])
    assert (line["route"], line["status"]) == ("unrouted", 431) and "method" not in line


@pytest.mark.parametrize(("name", "in_environ"), [("X-API-Key", True), ("X_API_Key", False)])
def test_a_header_with_an_underscore_does_not_pass_for_another_one(
    application: Application, name: str, in_environ: bool
) -> None:
    answer = ask(application, Exchange("GET", "/models", headers={name: PREDICT_KEY}))
    assert answer.status == (200 if in_environ else 401)
