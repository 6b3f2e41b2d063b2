"""What a running service tells of itself: start-up, log, metrics across the deaths of workers."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from service import auth as keys
from tests.conftest import REPOSITORY, SHIPPED, golden
from tests.integration.processes import keeping_counts_in, metrics_folders, workers_of
from tests.integration.server import COMMAND, Server, running, start

PREDICT = "/models/mnist/predict"
EVERYWHERE = "0.0.0.0"  # noqa: S104


def lines(server: Server) -> list[dict[str, object]]:
    """The log so far; the engine's own lines, which are none of ours, left out."""
    return [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]


def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never came about")


def total(server: Server, start: str) -> float:
    text = server.get("/metrics")[1]
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(start))


def test_the_log_is_json_and_tells_once_what_is_served_and_each_request(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=2) as server:
        assert server.post(PREDICT, golden())[0] == 200
        eventually(lambda: {"request", "ready"} <= {str(line["message"]) for line in lines(server)})
        (ready,) = [line for line in lines(server) if line["message"] == "ready"]
        (request,) = [line for line in lines(server) if line["message"] == "request"]
    assert [model["model"] for model in ready["models"]] == SHIPPED  # type: ignore[attr-defined]
    assert (request["status"], request["labels"]) == (200, ["7"])
    assert not [line for line in lines(server) if line["level"] in ("warning", "error")]
    assert "Shutting down" in str(lines(server)[-1]["message"])


def test_a_fault_in_a_worker_is_one_line_with_its_traceback_inside(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=1) as server:
        pid = workers_of(server)[0]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(workers_of(server)) == 2)
    assert any("SIGKILL" in str(line["message"]) and line["level"] == "error" for line in lines(server))


def test_for_people_the_log_is_text(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=1, log_format="text") as server:
        assert server.post(PREDICT, golden())[0] == 200
        eventually(lambda: "POST /models/<name>/predict 200 mnist/" in server.log.read_text())
    assert f"Squint is ready: {server.url}" in server.log.read_text() and "{" not in server.log.read_text()


def test_a_closed_stderr_costs_no_answer() -> None:
    program = (
        "import os, sys\nos.close(2)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'service', 'serve'])"
    )  # fmt: skip
    with running(Path(os.devnull), ("env", "SQUINT_WORKERS=1", *COMMAND[:1], sys.executable, "-c", program)) as server:
        assert [server.post(PREDICT, golden())[0] for _ in range(3)] == [200] * 3
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0


def test_who_listens_to_all_without_keys_is_warned_in_one_line(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=1, host=EVERYWHERE) as server:
        (warning,) = [line for line in lines(server) if line["level"] == "warning"]
    assert "0.0.0.0 without keys" in str(warning["message"])


def test_keys_are_asked_for_and_no_warning_is_given(tmp_path: Path) -> None:
    key, line = keys.make("phone", ["predict"])
    (tmp_path / "keys").write_text(line)
    with running(tmp_path / "log", workers=1, host=EVERYWHERE, api_keys_file=tmp_path / "keys") as server:
        assert (server.get("/livez")[0], server.get("/models")[0]) == (200, 401)
        asked = urllib.request.Request(f"{server.url}/models", headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(asked, timeout=10) as response:
            assert response.status == 200
        assert not [line for line in lines(server) if line["level"] == "warning"]
    assert key not in server.log.read_text()


@pytest.mark.parametrize(("content", "told"), [("a:predict:x", "line 1: "), ("", "holds no key"), (None, "No such")])
def test_keys_that_cannot_be_used_end_the_start_with_one_line(tmp_path: Path, content: str | None, told: str) -> None:
    if content is not None:
        (tmp_path / "keys").write_text(content)
    server = start(tmp_path / "log", api_keys_file=tmp_path / "keys")
    assert server.process.wait(30) != 0
    (line,) = [line for line in server.log.read_text().splitlines() if not line.startswith("{")]
    assert line.startswith(f"squint: SQUINT_API_KEYS_FILE='{tmp_path / 'keys'}': ") and told in line


def test_counts_outlive_workers_and_their_files_do_not_pile_up(tmp_path: Path) -> None:
    with running(tmp_path / "log", keeping_counts_in(tmp_path), workers=2) as server:
        (folder,), before = metrics_folders(server), 0.0
        for deaths in range(1, 6):
            assert server.post(PREDICT, golden())[0] == 200
            known = workers_of(server)
            os.kill(known[-1], signal.SIGKILL)
            eventually(lambda known=known: len(workers_of(server)) > len(known))  # type: ignore[misc]
            eventually(lambda: total(server, "squint_workers") == 2)
            now = total(server, "squint_predictions_total")
            assert now == before + 1 == deaths
            before = now
        numbers = {path.stem.rpartition("_")[2] for path in folder.glob("*.db")}
        assert numbers <= {*map(str, workers_of(server)[:1]), str(workers_of(server)[-1]), "dead"}
        assert total(server, "squint_model_version_ready") == len(SHIPPED)


def test_sighup_keeps_the_counts_and_the_end_still_removes_their_folder(tmp_path: Path) -> None:
    with running(tmp_path / "log", keeping_counts_in(tmp_path), workers=1) as server:
        (folder,) = metrics_folders(server)
        assert server.post(PREDICT, golden())[0] == 200
        server.signal(signal.SIGHUP)
        eventually(lambda: len(workers_of(server)) == 2)
        eventually(lambda: total(server, "squint_workers") == 1)
        assert total(server, "squint_predictions_total") == 1 and metrics_folders(server) == [folder]
    assert not folder.exists()


def test_a_malformed_request_is_answered_with_the_same_headers(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=1) as server:
        port = server.url.rpartition(":")[2]
        program = (
            "import socket, sys\n"
            f"with socket.create_connection(('127.0.0.1', {port}), timeout=10) as connection:\n"
            "    connection.sendall(b'hello\\r\\n\\r\\n')\n"
            "    sys.stdout.buffer.write(b''.join(iter(lambda: connection.recv(65536), b'')))\n"
        )
        answer = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True).stdout
    assert "X-Content-Type-Options: nosniff" in answer and "default-src 'none'" in answer
    assert not re.search(r"^Server: .*\d", answer, re.MULTILINE)


def test_the_server_header_names_no_version(tmp_path: Path) -> None:
    with (
        running(tmp_path / "log", workers=1) as server,
        urllib.request.urlopen(f"{server.url}/livez", timeout=10) as response,
    ):
        assert not re.search(r"\d", response.headers.get("Server", ""))
