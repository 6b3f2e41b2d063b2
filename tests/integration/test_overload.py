"""More is asked of the service than it can carry."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from PIL import Image

from service.settings import Settings
from tests.conftest import encoded, golden
from tests.integration.processes import until
from tests.integration.server import Server, running
from tests.integration.wire import Answer, post, wire

PREDICT = "/models/mnist/predict"
PREDICTIONS = "squint_predictions_total"
COMPUTING = "squint_computing"
WAITING = "squint_waiting"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log, much = tmp_path_factory.mktemp("overload") / "log", 2**30
    with running(log, workers=1, max_waiting=2, max_wait_s=60, max_request_pixels=much) as ready:
        yield ready


@pytest.fixture(scope="module")
def heavy() -> bytes:
    """A small file that takes a while."""
    return encoded(Image.fromarray(np.indices((4000, 4000)).sum(axis=0).astype(np.uint8)), "PNG")


def count(server: Server, name: str) -> float:
    text = server.get("/metrics")[1]
    return sum(float(value) for value in re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


def asked(server: Server, request: bytes) -> Answer:
    with wire(server) as client:
        client.send(request)
        return client.answered()


def test_what_does_not_fit_is_turned_away_and_nothing_else(server: Server, heavy: bytes) -> None:
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: asked(server, post(PREDICT, heavy)), range(40)))
    assert set(Counter(answer.status for answer in answers)) == {200, 429}
    turned_away = [answer for answer in answers if answer.status == 429]
    counted = re.findall(r'^squint_http_requests_total{.*status="429"} (\S+)$', server.get("/metrics")[1], re.MULTILINE)
    assert sum(map(float, counted)) == len(turned_away)
    for answer in turned_away:
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["code"] == "overloaded" and answer.json()["request_id"] == answer.headers["x-request-id"]
    assert server.post(PREDICT, golden())[0] == 200


def test_below_v1_and_v2_it_is_said_as_their_clients_expect(server: Server, heavy: bytes) -> None:
    with ThreadPoolExecutor(60) as pool:
        busy = [pool.submit(asked, server, post(PREDICT, heavy)) for _ in range(30)]
        others = [pool.submit(asked, server, post("/v2/models/mnist/infer", heavy)) for _ in range(30)]
        turned_away = [answer for one in others if (answer := one.result()).status == 429]
        assert {one.result().status for one in busy} <= {200, 429}
    assert all(set(answer.json()) == {"error"} and answer.headers["retry-after"] for answer in turned_away)


def test_probes_are_answered_meanwhile(server: Server, heavy: bytes) -> None:
    with ThreadPoolExecutor(40) as pool:
        busy = [pool.submit(asked, server, post(PREDICT, heavy)) for _ in range(40)]
        while not all(one.done() for one in busy):
            assert [server.get(path)[0] for path in ("/livez", "/readyz", "/metrics")] == [200] * 3
        assert {one.result().status for one in busy} == {200, 429}


def test_a_connection_outlives_being_turned_away(server: Server, heavy: bytes) -> None:
    with ThreadPoolExecutor(40) as pool:
        busy = [pool.submit(asked, server, post(PREDICT, heavy)) for _ in range(40)]
        with wire(server) as client:
            statuses = []
            while not all(one.done() for one in busy):
                client.send(post(PREDICT, golden(), "X-Request-Timeout: 5"))
                statuses.append(client.answered().status)
            client.send(post(PREDICT, golden()))
            assert client.answered().status == 200
    assert set(statuses) <= {200, 429}


def several(picture: bytes, times: int, *headers: str) -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n%s\r\n' % picture
    return post(PREDICT, part * times + b"--b--\r\n", "Content-Type: multipart/form-data; boundary=b", *headers)


def test_what_is_past_its_deadline_is_answered_504_and_not_computed(server: Server, heavy: bytes) -> None:
    before = count(server, PREDICTIONS)
    answer = asked(server, post(PREDICT, golden(), "X-Request-Timeout: 0.000001"))
    assert (answer.status, answer.json()["code"]) == (504, "deadline_passed")
    assert count(server, PREDICTIONS) == before


def test_a_deadline_is_seen_between_the_images_of_a_request(server: Server, heavy: bytes) -> None:
    before = count(server, PREDICTIONS)
    started = time.monotonic()
    assert asked(server, several(heavy, 10)).status == 200
    all_of_it = time.monotonic() - started
    answer = asked(server, several(heavy, 10, f"X-Request-Timeout: {all_of_it / 10:.6f}"))
    assert answer.status == 504
    assert count(server, PREDICTIONS) == before + 10


@contextmanager
def all_cores_busy(server: Server, heavy: bytes) -> Iterator[int]:
    """A long request for every turn there is; gives the number of their pictures, and ends when they are answered."""
    each, cores = 40, Settings(workers=1).computing_threads
    with ExitStack() as held:
        clients = [held.enter_context(wire(server)) for _ in range(cores)]
        for client in clients:
            client.send(several(heavy, each))
        until(lambda: count(server, COMPUTING) == cores)
        yield each * cores
        assert [client.answered().status for client in clients] == [200] * cores


def test_a_deadline_ends_the_wait_in_line(server: Server, heavy: bytes) -> None:
    before = count(server, PREDICTIONS)
    with all_cores_busy(server, heavy) as others:
        assert asked(server, post(PREDICT, golden(), "X-Request-Timeout: 0.01")).status == 504
    assert count(server, PREDICTIONS) == before + others


def test_whoever_hangs_up_while_waiting_is_not_computed_for(server: Server, heavy: bytes) -> None:
    before = count(server, PREDICTIONS)
    with wire(server) as stays:
        with all_cores_busy(server, heavy) as others, wire(server) as gone:
            gone.send(post(PREDICT, golden()))
            until(lambda: count(server, WAITING) == 1)
            stays.send(post(PREDICT, golden()))
            until(lambda: count(server, WAITING) == 2)
        assert stays.answered().status == 200
    assert count(server, PREDICTIONS) == before + others + 1


def test_whoever_hangs_up_between_two_images_is_not_computed_for(server: Server, heavy: bytes) -> None:
    before = count(server, PREDICTIONS)
    with wire(server) as gone:
        gone.send(several(heavy, 40))
        until(lambda: count(server, COMPUTING) == 1)
    until(lambda: count(server, COMPUTING) == 0)
    assert count(server, PREDICTIONS) == before


@pytest.mark.parametrize("sent", ["soon", "-1", "1e3", "inf", "", "1,5"])
@pytest.mark.parametrize("path", [PREDICT, "/v1/models/mnist:predict", "/v2/models/mnist/infer"])
def test_a_malformed_time_limit_is_a_400(server: Server, sent: str, path: str) -> None:
    assert asked(server, post(path, golden(), f"X-Request-Timeout: {sent}")).status == 400


def test_a_body_nested_without_end_is_refused_fast(server: Server) -> None:
    deep = b'{"images": ' + b"[" * 100_000
    answer = asked(server, post(PREDICT, deep, "Content-Type: application/json"))
    assert (answer.status, answer.json()["code"]) == (400, "bad_json")
