"""More is asked of the service than it can carry."""

import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.settings import Settings
from tests.conftest import encoded, golden
from tests.integration.processes import until, workers_of
from tests.integration.server import Server, running
from tests.integration.wire import Answer, chunked, post, wire

PREDICT = "/models/mnist/predict"
PREDICTIONS = "squint_predictions_total"
COMPUTING = "squint_computing"
WAITING = "squint_waiting"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log, much = tmp_path_factory.mktemp("overload") / "log", 2**30
    with running(log, workers=1, max_wait_s=60, max_request_pixels=much) as ready:
        yield ready


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service in which no request waits for long."""
    log, much = tmp_path_factory.mktemp("impatient") / "log", 2**30
    with running(log, workers=1, max_wait_s=0.2, max_request_pixels=much, cors_origins="*") as ready:
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


def test_requests_without_a_turn_in_time_are_refused_whole_and_counted(impatient: Server, heavy: bytes) -> None:
    with all_cores_busy(impatient, heavy):
        answers = [asked(impatient, post(PREDICT, golden(), "Origin: https://example.org")) for _ in range(3)]
    assert {answer.status for answer in answers} == {429}
    counted = [
        count(impatient, name) for name in ('squint_http_requests_total{method="POST",route="unrouted",status="429"}',
                                            'squint_requests_shed_total{route="unrouted"}')
    ]  # fmt: skip
    assert counted == [3, 3]
    for answer in answers:
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["code"] == "overloaded" and answer.json()["request_id"] == answer.headers["x-request-id"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert f'"id": "{answer.headers["x-request-id"]}"' in impatient.log.read_text()
    until(lambda: impatient.post(PREDICT, golden())[0] == 200)


def test_below_v1_and_v2_a_refusal_has_the_shape_that_their_clients_expect(impatient: Server, heavy: bytes) -> None:
    with all_cores_busy(impatient, heavy):
        answers = [
            asked(impatient, post(path, b"{}")) for path in ("/v2/models/mnist/infer", "/v1/models/mnist:predict")
        ]
    assert all(answer.status == 429 and set(answer.json()) == {"error"} for answer in answers)
    assert all(answer.headers["retry-after"] for answer in answers)


def test_probes_are_answered_while_all_threads_compute(server: Server, heavy: bytes) -> None:
    with all_cores_busy(server, heavy):
        for _ in range(5):
            paths = ("/livez", "/readyz", "/v2/health/ready", "/metrics")
            assert [server.get(path)[0] for path in paths] == [200] * 4


def several(picture: bytes, times: int, *headers: str) -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n%s\r\n' % picture
    return post(PREDICT, part * times + b"--b--\r\n", "Content-Type: multipart/form-data; boundary=b", *headers)


def test_what_is_past_its_deadline_is_answered_504_and_not_computed(server: Server, heavy: bytes) -> None:
    before = count(server, PREDICTIONS)
    answer = asked(server, post(PREDICT, golden(), "X-Request-Timeout: 0.000001"))
    assert (answer.status, answer.json()["code"]) == (504, "deadline_passed")
    assert count(server, PREDICTIONS) == before


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


def test_the_wait_is_part_of_the_times_that_are_told(server: Server, heavy: bytes) -> None:
    with wire(server) as client:
        with all_cores_busy(server, heavy):
            client.send(post(PREDICT, golden()))
            until(lambda: count(server, WAITING) == 1)
            time.sleep(0.05)
        answer = client.answered()
    timed = dict(re.findall(r"(\w+);dur=([\d.]+)", answer.headers["server-timing"]))
    assert float(timed["total"]) >= float(timed["queue"]) >= 50


def test_requests_that_compute_nothing_do_not_wait_for_those_that_do(server: Server, heavy: bytes) -> None:
    malformed = chunked(PREDICT, golden())[:-7] + b"\r\n\r\n"
    too_large = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (PREDICT.encode(), 2**40)
    with all_cores_busy(server, heavy), ExitStack() as others:
        waiting = [others.enter_context(wire(server)) for _ in range(2)]
        for client in waiting:
            client.send(post(PREDICT, golden()))
        until(lambda: count(server, WAITING) == 2)
        assert server.get("/models")[0] == 200
        assert [asked(server, request).status for request in (malformed, too_large)] == [400, 413]
        assert count(server, WAITING) == 2


@pytest.mark.parametrize(
    ("max_wait_s", "header", "status", "code"),
    [(0.3, "X-Request-Timeout: 60", 429, "overloaded"), (60, "X-Request-Timeout: 0.3", 504, "deadline_passed")],
    ids=["the service's patience", "the caller's"],
)
def test_whoever_waits_too_long_for_a_thread_is_told_and_keeps_the_connection(
    tmp_path: Path, heavy: bytes, max_wait_s: float, header: str, status: int, code: str
) -> None:
    with running(tmp_path / "log", workers=1, max_wait_s=max_wait_s, max_request_pixels=2**30) as server:
        with all_cores_busy(server, heavy), ExitStack() as held:
            clients = [held.enter_context(wire(server)) for _ in range(10)]
            for client in clients:
                client.send(post(PREDICT, golden(), header))
            answers = [client.answered() for client in clients]
            told = {(answer.status, answer.json()["code"]) for answer in answers}
            assert told == {(status, code)}
            held_on = clients[-1]
            held_on.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert held_on.answered().status == 200
        until(lambda: count(server, WAITING) == 0)


def test_whoever_breaks_off_in_line_and_whose_time_is_over_ends_no_worker(tmp_path: Path, heavy: bytes) -> None:
    with running(tmp_path / "log", workers=1, max_wait_s=0.3, max_request_pixels=2**30) as server:
        with all_cores_busy(server, heavy), ExitStack() as held:
            clients = [held.enter_context(wire(server)) for _ in range(10)]
            for client in clients:
                client.send(post(PREDICT, golden()))
            until(lambda: count(server, WAITING) > 0)
            for client in clients:
                # Closed with a reset, so that an answer to it fails.
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.socket.close()
            until(lambda: count(server, WAITING) == 0)
        assert len(workers_of(server)) == 1
        assert server.post(PREDICT, golden())[0] == 200


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
