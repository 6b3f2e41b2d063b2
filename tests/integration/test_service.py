"""The service as it runs: gunicorn, several workers, both engines."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service import manifest as contract
from tests import blackbox
from tests.conftest import REPOSITORY, SHIPPED, golden, shipped
from tests.integration import container
from tests.integration.processes import parent_of, wait_for_workers, workers_of
from tests.integration.server import Server, running, start
from tests.integration.wire import wire

PREDICT = "/models/mnist/predict"


@pytest.fixture(
    scope="module",
    params=[
        "litert",
        *(
            pytest.param(other, marks=pytest.mark.thorough)
            for other in ("tensorflow", "container litert", "container tensorflow")
        ),
    ],
)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service with either engine, from this tree and from either target of the image."""
    where, _, engine = request.param.rpartition(" ")
    log = tmp_path_factory.mktemp("server") / "log"
    started = running(log, container.command(engine)) if where else running(log, engine=engine, workers=2)
    with started as ready:
        assert json.loads(ready.get("/models/mnist")[1])["engine"] == engine
        yield ready


def test_seen_from_outside_it_does_what_it_promises(server: Server) -> None:
    assert blackbox.failures(server.url) == {}


def total(text: str, start: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(start))


@pytest.mark.parametrize("name", SHIPPED)
def test_golden_pictures_get_the_probabilities_stated_for_their_engine(server: Server, name: str) -> None:
    manifest = contract.read(shipped(name))
    engine = json.loads(server.get(f"/models/{name}")[1])["engine"]
    for picture in manifest.golden:
        status, body = server.post(f"/models/{name}/predict", (shipped(name) / picture.file).read_bytes())
        served = json.loads(body)["predictions"][0]["probabilities"].values()
        assert status == 200
        difference = max(abs(a - b) for a, b in zip(served, picture.probabilities[engine], strict=True))
        assert difference <= manifest.golden_tolerance


def test_metrics_are_whole_whichever_worker_is_asked(server: Server) -> None:
    before = total(server.get("/metrics")[1], "squint_predictions_total")
    with ThreadPoolExecutor(8) as pool:
        statuses = [answer[0] for answer in pool.map(lambda _: server.post(PREDICT, golden()), range(60))]
    assert statuses == [200] * 60
    for _ in range(8):
        assert total(server.get("/metrics")[1], "squint_predictions_total") == before + 60


def test_a_killed_worker_is_replaced_and_its_counts_stay(server: Server) -> None:
    before = total(server.get("/metrics")[1], "squint_predictions_total")
    known = workers_of(server)
    os.kill(known[-1], signal.SIGKILL)
    wait_for_workers(server, len(known) + 1)
    assert len(workers_of(server)) == len(known) + 1
    assert server.post(PREDICT, golden())[0] == 200
    assert total(server.get("/metrics")[1], "squint_predictions_total") == before + 1


@pytest.mark.parametrize(
    "head",
    [
        b"hello\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
        b"POST /models/mnist/predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: magic\r\n\r\n",
    ],
)
def test_malformed_http_is_refused_and_the_connection_closed(server: Server, head: bytes) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ") and b"connection: close" in answer


def exchanged(server: Server, request: bytes) -> tuple[int, dict[str, object]]:
    """Sends bytes and returns status and JSON of the answer, after which the connection is closed."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_body_that_is_not_whole_is_never_computed(server: Server) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\n".encode()
    before = total(server.get("/metrics")[1], "squint_predictions_total")
    with wire(server) as client:
        client.send(head + b"Content-Length: 5000\r\n\r\n" + golden())
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answer() is None
    assert total(server.get("/metrics")[1], "squint_predictions_total") == before


def test_a_chunked_body_is_answered_and_one_over_the_limit_refused(tmp_path: Path) -> None:
    post = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with running(tmp_path / "log", workers=1, max_request_bytes=20_000) as server:
        data = golden()
        assert exchanged(server, post + b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))[0] == 200
        status, problem = exchanged(server, post + b"7530\r\n%s\r\n0\r\n\r\n" % (b"x" * 0x7530))
        assert status == 413 and "20000 bytes" in str(problem["detail"])


def test_no_client_changes_the_path_by_a_header(server: Server) -> None:
    for name in ("SCRIPT_NAME", "PATH_INFO"):
        request = f"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{name}: /foo\r\n\r\n"
        assert exchanged(server, request.encode())[0] == 200


def test_the_health_command_tells_a_ready_service_from_none(tmp_path: Path) -> None:
    health = [sys.executable, "-m", "service", "health"]
    with running(tmp_path / "log", workers=1) as server:
        environment = os.environ | {"SQUINT_PORT": server.url.rpartition(":")[2], "http_proxy": "http://127.0.0.1:9"}
        assert subprocess.run(health, cwd=REPOSITORY, env=environment, capture_output=True).returncode == 0
    gone = subprocess.run(health, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert gone.returncode == 1 and "no answer from 127.0.0.1" in gone.stderr and "Traceback" not in gone.stderr


def test_a_metrics_folder_the_operator_names_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "precious").touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))
    with running(tmp_path / "log", workers=1) as server:
        assert server.post(PREDICT, golden())[0] == 200
    assert (tmp_path / "metrics" / "precious").exists()


def test_an_ipv6_address_can_be_listened_on(tmp_path: Path) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    server = start(tmp_path / "log", host="::1", workers=1)
    try:
        port = int(server.url.rpartition(":")[2])
        for _ in range(600):
            with socket.socket(socket.AF_INET6) as probe:
                if probe.connect_ex(("::1", port)) == 0:
                    break
            assert server.process.poll() is None, server.log.read_text()
            time.sleep(0.05)
        assert f"[::1]:{port}" in server.log.read_text()
    finally:
        server.stop()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_cleanly(tmp_path: Path, how: signal.Signals) -> None:
    with running(tmp_path / "log", workers=2) as server:
        server.signal(how)
        assert server.process.wait(30) == 0
    assert "Traceback" not in server.log.read_text()


def test_a_broken_model_ends_the_start_and_names_the_file(tmp_path: Path, models_dir: Path) -> None:
    (models_dir / "mnist" / "1" / "model.tflite").write_bytes(b"half")
    server = start(tmp_path / "log", models_dir=models_dir)
    assert server.process.wait(30) != 0
    assert "mnist/1/model.tflite: its SHA-256" in server.log.read_text() and "Traceback" not in server.log.read_text()


def test_a_wrong_setting_ends_the_start_and_names_the_variable(tmp_path: Path) -> None:
    server = start(tmp_path / "log", workers="many")
    assert server.process.wait(30) != 0
    assert "SQUINT_WORKERS='many'" in server.log.read_text() and "Traceback" not in server.log.read_text()


def test_an_address_that_is_taken_ends_the_start_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        environment = os.environ | {"SQUINT_PORT": str(port), "TMPDIR": str(tmp_path)}
        command = [sys.executable, "-m", "service", "serve"]
        done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    told = f"squint: SQUINT_HOST='127.0.0.1', SQUINT_PORT={port}: address in use: another program listens there"
    assert [line for line in done.stderr.splitlines() if not line.startswith("{")] == [
        f"{told}; stop it, or choose another port"
    ]
    assert list(tmp_path.iterdir()) == []


def test_an_address_of_no_machine_ends_the_start(tmp_path: Path) -> None:
    server = start(tmp_path / "log", host="192.0.2.1")
    assert server.process.wait(30) == 1
    assert "SQUINT_HOST='192.0.2.1', SQUINT_PORT=" in server.log.read_text()


def test_the_parent_process_never_imports_tensorflow() -> None:
    """What gunicorn runs before it forks: its configuration and the check of the models."""
    program = (
        "import runpy, sys\n"
        "from types import SimpleNamespace as Some\n"
        "conf = runpy.run_path('service/gunicorn.conf.py')\n"
        "conf['on_starting'](Some(START_CTX={}, reload=None, cfg=Some(bind=['elsewhere']), systemd=False))\n"
        "conf['on_exit'](None)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    for engine in ("auto", "tensorflow"):
        environment = os.environ | {"SQUINT_ENGINE": engine}
        subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, env=environment, check=True)


def test_the_litert_service_never_imports_tensorflow() -> None:
    program = (
        "import sys\nfrom service.app import create\nfrom service.inference.registry import Registry\n"
        "from service.settings import Settings\ncreate()\n"
        "Registry(Settings().models_dir, 'auto', 1).load()\n"
        "assert 'ai_edge_litert' in sys.modules and 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)


def test_the_parent_has_the_code_that_workers_share_and_no_thread_that_a_fork_would_lose(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=1) as server:
        parent = Path("/proc") / str(parent_of(server))
        if not parent.exists():
            pytest.skip("this system does not tell of processes in /proc")
        mapped = (parent / "maps").read_text()
        assert "/PIL/" in mapped and "/numpy/" in mapped
        assert "/ai_edge_litert/" in mapped and "/tensorflow/" not in mapped
        assert len(list((parent / "task").iterdir())) == 1
