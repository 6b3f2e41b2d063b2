"""Requests however they come in: whole, in pieces, slowly, not at all."""

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import golden
from tests.integration.processes import until
from tests.integration.server import Server, running, start
from tests.integration.wire import GET_LIVE, Wire, address, chunked, post, wire

PREDICT = "/models/mnist/predict"
SLOW = 120
# Of each, as many answers as are more than the buffers of a connection hold.
MANY = {"/livez": 10_000, "/metrics": 1000, "/openapi.json": 300}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("slow") / "log"
    with running(log, workers=1, max_request_bytes=300_000) as ready:
        yield ready
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with little patience."""
    log = tmp_path_factory.mktemp("strict") / "log"
    with running(
        log,
        workers=1,
        head_timeout_s=0.3,
        body_timeout_s=0.3,
        answer_timeout_s=0.3,
        max_request_bytes=600_000,
    ) as ready:
        yield ready


@pytest.mark.parametrize("request_", [post(PREDICT, golden()), chunked(PREDICT, golden()[:9], golden()[9:])])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_request_may_come_in_pieces(server: Server, request_: bytes, size: int) -> None:
    with wire(server) as client:
        for start in range(0, len(request_), size):
            client.send(request_[start : start + size])
        assert client.answered().json()["predictions"][0]["label"] == "7"


def test_several_requests_may_come_at_once_and_are_answered_in_order(server: Server) -> None:
    labels = [7, 3, 9, 1]
    with wire(server) as client:
        parts = [post(PREDICT, golden(label=label)) for label in labels] + [chunked(PREDICT, golden()), GET_LIVE]
        client.send(b"".join(parts))
        answers = [client.answered() for _ in labels]
        assert [answer.json()["predictions"][0]["label"] for answer in answers] == [str(label) for label in labels]
        assert client.answered().json()["predictions"][0]["label"] == "7"
        assert client.answered().json() == {"status": "live"}


def test_a_body_nobody_reads_does_not_disturb_the_next_request(server: Server) -> None:
    for body in (post("/nothing/here", b"x" * 200_000), chunked("/nothing/here", b"GET /livez HTTP/1.1\r\n\r\n")):
        with wire(server) as client:
            client.send(body + post(PREDICT, golden()))
            assert [client.answered().status, client.answered().status] == [404, 200]


def test_a_client_that_asks_first_is_told_to_go_on_once(server: Server) -> None:
    with wire(server) as client:
        head, _, body = post(PREDICT, golden(), "Expect: 100-continue").partition(b"\r\n\r\n")
        client.send(head + b"\r\n\r\n")
        assert client.answered().status == 100
        client.send(body)
        assert client.answered().status == 200


def test_a_client_that_asks_first_is_refused_at_once_where_its_body_is_too_large(server: Server) -> None:
    with wire(server) as client:
        client.send(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n" % PREDICT.encode())
        client.send(b"Expect: 100-continue\r\n\r\n")
        answer = client.answered()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert client.answer() is None


def test_a_chunked_body_over_the_limit_is_refused_before_it_ends(server: Server) -> None:
    with wire(server) as client:
        client.send(chunked(PREDICT, b"x" * 400_000).removesuffix(b"0\r\n\r\n"))
        assert client.answered().status == 413


def test_http_1_0_is_answered_and_the_connection_closed(server: Server) -> None:
    with wire(server) as client:
        client.send(post(PREDICT, golden(), version="1.0"))
        assert client.answered().status == 200
        assert client.answer() is None


@pytest.mark.parametrize("head", [b"GET /livez HTTP/1.1\n\n", b"GET /livez HTTP/1.1\r\nHost: x\n\n"])
def test_lines_that_end_otherwise_are_answered_and_not_waited_for(server: Server, head: bytes) -> None:
    with wire(server) as client:
        client.send(head)
        assert client.answered().status in (200, 400)


def test_a_head_without_end_is_refused(server: Server) -> None:
    with wire(server) as client:
        client.send(b"GET /livez HTTP/1.1\r\n" + b"A: %s\r\n" % (b"x" * 1000) * 100)
        answer = client.answered()
        assert (answer.status, answer.json()["code"]) == (431, "malformed_request")


def test_many_slow_clients_harm_nobody(server: Server) -> None:
    """More than there are threads, of each way to be slow."""
    ways = [
        b"",
        b"GET /livez HTTP/1.1\r\nHost:",
        post(PREDICT, golden())[:-1],
        chunked(PREDICT, golden())[:-1],
        chunked(PREDICT, golden())[:-7] + b"\r\n\r\n",
        b"POST %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n" % PREDICT.encode(),
    ]
    with ExitStack() as held:
        for number in range(SLOW):
            held.enter_context(wire(server)).send(ways[number % len(ways)])
        for _ in range(20):
            assert server.post(PREDICT, golden())[0] == 200
            assert server.get("/livez")[0] == 200


@contextmanager
def reader_of_nothing(server: Server, path: str) -> Iterator[Wire]:
    """Asks for far more than its own and the service's buffers hold, and reads none of it."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.settimeout(60)
        connection.connect(address(server))
        connection.send(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode() * MANY[path], socket.MSG_DONTWAIT)
        yield Wire(connection)


@pytest.mark.parametrize("path", MANY)
def test_clients_that_do_not_read_their_answers_hold_up_nobody(server: Server, path: str) -> None:
    with ExitStack() as held:
        for _ in range(20):
            held.enter_context(reader_of_nothing(server, path))
        # Until their buffers are full there is honest work, which may take every thread.
        until(lambda: all(server.post(PREDICT, golden())[0] == 200 for _ in range(20)))
        assert [server.get(probe)[0] for probe in ("/livez", "/readyz", "/metrics") * 5] == [200] * 15


def test_a_client_that_reads_late_gets_every_answer_whole(tmp_path: Path) -> None:
    """With a service of its own: what others asked for before they left may still be in line."""
    with running(tmp_path / "log", workers=1) as server, reader_of_nothing(server, "/openapi.json") as client:
        assert server.get("/livez")[0] == 200
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
        answers = [client.answered() for _ in range(MANY["/openapi.json"])]
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}


def test_a_client_that_does_not_take_its_answer_in_time_is_cut_off(strict: Server) -> None:
    with reader_of_nothing(strict, "/openapi.json") as client:
        time.sleep(3)  # ten times as long as it has
        with pytest.raises((ConnectionError, AssertionError)):  # in the middle of an answer or after one
            for _ in range(MANY["/openapi.json"]):
                client.answered()


def test_clients_that_hang_up_harm_nobody(server: Server) -> None:
    whole = post(PREDICT, golden())
    for length in range(0, len(whole) + 1, 10):
        with wire(server) as client:
            client.send(whole[:length])
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert server.post(PREDICT, golden())[0] == 200


@pytest.mark.parametrize(
    ("start", "part", "shape"),
    [
        (b"GET /livez HTTP/1.1\r\nHost:", "head", "detail"),
        (post(PREDICT, golden())[:-1], "body", "detail"),
        (chunked(PREDICT, golden())[:-1], "body", "detail"),
        (post("/v1/models/mnist:predict", b"{}")[:-1], "body", "error"),
    ],
)
def test_whoever_is_too_slow_is_told_so(strict: Server, start: bytes, part: str, shape: str) -> None:
    with wire(strict) as client:
        client.send(start)
        answer = client.answered()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert answer.json()[shape] == f"the {part} of the request did not arrive within 0.3 s"
        assert client.answer() is None


def test_who_says_nothing_is_told_nothing(strict: Server) -> None:
    with wire(strict) as client:
        assert client.answer() is None


def test_a_slow_head_is_not_prolonged_by_dribbling(strict: Server) -> None:
    with wire(strict) as client:
        started = time.monotonic()
        with pytest.raises(OSError):  # reset or broken pipe
            while time.monotonic() < started + 60:
                client.send(b"G")
                time.sleep(0.05)
        assert time.monotonic() < started + 60


def test_a_body_in_very_many_chunks_of_a_few_bytes_is_answered(server: Server) -> None:
    with wire(server) as client:
        client.send(chunked(PREDICT, *(bytes([byte]) for byte in golden() + bytes(3000))))
        assert client.answered().status == 200


@pytest.mark.parametrize("size", [b"6_0", b"zz", b"-1", b"0x5", b" 5"])
def test_a_malformed_chunk_size_is_refused_at_once(server: Server, size: bytes) -> None:
    with wire(server) as client:
        client.send(chunked(PREDICT)[:-5] + size + b"\r\nhello\r\n")
        assert client.answered().status == 400
        assert client.answer() is None


def test_with_tls_requests_take_the_same_path_with_the_same_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes the certificate, is not here")
    names = ("-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost", "-days", "1")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names], cwd=tmp_path, check=True)
    monkeypatch.setenv("GUNICORN_CMD_ARGS", f"--certfile {tmp_path}/cert.pem --keyfile {tmp_path}/key.pem")
    context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    server = start(tmp_path / "log", workers=1, head_timeout_s=0.5, max_request_bytes=20_000)
    try:
        assert wait_until_listening(server)
        plain = socket.create_connection(address(server), timeout=60)
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            client = Wire(secure)
            for request in (post(PREDICT, golden()), GET_LIVE):
                client.send(request)
                assert client.answered().status == 200
            client.send(post(PREDICT, bytes(30_000)))
            assert client.answered().status == 413
        with context.wrap_socket(socket.create_connection(address(server), 60), server_hostname="localhost") as secure:
            client = Wire(secure)
            client.send(GET_LIVE[:-5])
            assert client.answered().status == 408
    finally:
        assert server.stop() == 0


def wait_until_listening(server: Server) -> bool:
    ends = time.monotonic() + 60
    while time.monotonic() < ends and server.process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(address(server)) == 0:
                return True
        time.sleep(0.05)
    return False
