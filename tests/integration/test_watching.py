"""What a running service tells of itself: start-up, log, metrics across the deaths of workers."""

import json
import os
import re
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from service import auth
from tests.conftest import SHIPPED, golden
from tests.integration.processes import living_workers, metrics_folders, until, wait_for_workers, workers_of
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


def wait_for_both(server: Server) -> None:
    """Returns when two workers have loaded all models."""
    until(lambda: total(server, "squint_model_loads_total") == 2 * len(SHIPPED))


def status(server: Server, key: str) -> int:
    """The status of a request with this key."""
    asked = urllib.request.Request(f"{server.url}/models", headers={"X-API-Key": key})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


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
    key, line = auth.make("phone", ["predict"])
    (tmp_path / "keys").write_text(line)
    with running(tmp_path / "log", workers=1, host=EVERYWHERE, api_keys_file=tmp_path / "keys") as server:
        assert (server.get("/livez")[0], server.get("/models")[0]) == (200, 401)
        asked = urllib.request.Request(f"{server.url}/models", headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(asked, timeout=10) as response:
            assert response.status == 200
        assert not [line for line in lines(server) if line["level"] == "warning"]
    assert key not in server.log.read_text()


def test_keys_that_cannot_be_used_end_the_start_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a:predict:x")
    server = start(tmp_path / "log", api_keys_file=tmp_path / "keys")
    assert server.process.wait(30) != 0
    (line,) = [line for line in server.log.read_text().splitlines() if not line.startswith("{")]
    assert line.startswith(f"squint: SQUINT_API_KEYS_FILE='{tmp_path / 'keys'}': ") and "line 1: " in line


def test_counts_outlive_workers_and_gauges_do_not(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=2) as server:
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
        living = {str(pid) for pid in living_workers(server)}
        assert {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")} <= living
        assert total(server, "squint_model_version_ready") == len(SHIPPED)


def test_a_metrics_folder_that_is_deleted_costs_no_request_and_comes_back_with_the_next_worker(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=2) as server:
        wait_for_both(server)
        shutil.rmtree(metrics_folders(server)[0])
        assert {server.post(PREDICT, golden())[0] for _ in range(20)} == {200}
        for worker in living_workers(server):
            os.kill(worker, signal.SIGKILL)
        until(lambda: len(living_workers(server)) == 2)
        until(lambda: total(server, "squint_workers") == 2)
        assert server.process.poll() is None


def test_a_worker_that_cannot_write_metrics_is_tried_again_while_the_other_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, away = tmp_path / "metrics", tmp_path / "away"
    folder.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    with running(tmp_path / "log", workers=2) as server:
        wait_for_both(server)
        folder.rename(away)
        folder.touch()
        os.kill(living_workers(server)[0], signal.SIGKILL)
        wait_for_workers(server, 4)
        assert server.post(PREDICT, golden())[0] == 200
        folder.unlink()
        away.rename(folder)
        until(lambda: total(server, "squint_workers") == 2)
        assert {server.post(PREDICT, golden())[0] for _ in range(20)} == {200}


def test_sighup_keeps_the_counts_and_the_end_still_removes_their_folder(tmp_path: Path) -> None:
    with running(tmp_path / "log", workers=1) as server:
        (folder,) = metrics_folders(server)
        assert server.post(PREDICT, golden())[0] == 200
        server.signal(signal.SIGHUP)
        eventually(lambda: len(workers_of(server)) == 2)
        eventually(lambda: total(server, "squint_workers") == 1)
        assert total(server, "squint_predictions_total") == 1 and metrics_folders(server) == [folder]
    assert not folder.exists()


def rubbish(file: Path) -> None:
    file.write_text("rubbish")


def unreadable(file: Path) -> None:
    """Also for root, whom permissions do not stop."""
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("damage", [rubbish, unreadable])
@pytest.mark.parametrize("replace", ["kill", "reload"])
def test_a_keys_file_that_breaks_takes_no_worker_down_and_the_last_good_keys_stay_valid(
    tmp_path: Path, replace: str, damage: Callable[[Path], None]
) -> None:
    (old, old_line), (key, line) = auth.make("old", ["predict"]), auth.make("phone", ["predict"])
    file = tmp_path / "keys"
    file.write_text(old_line)
    with running(tmp_path / "log", workers=2, api_keys_file=file) as server:
        file.write_text(line)
        until(lambda: {status(server, key) for _ in range(10)} == {200})
        damage(file)
        if replace == "kill":
            os.kill(workers_of(server)[0], signal.SIGKILL)
            wait_for_workers(server, 3)
        else:
            before = set(living_workers(server))
            server.signal(signal.SIGHUP)
            until(lambda: not before & set(living_workers(server)))
        until(lambda: len(living_workers(server)) == 2)
        assert {status(server, key) for _ in range(40)} == {200}
        assert {status(server, old) for _ in range(40)} == {401}
        assert server.process.poll() is None
    assert "the last good keys stay valid: " in server.log.read_text()


def test_the_server_header_names_no_version(tmp_path: Path) -> None:
    with (
        running(tmp_path / "log", workers=1) as server,
        urllib.request.urlopen(f"{server.url}/livez", timeout=10) as response,
    ):
        assert not re.search(r"\d", response.headers.get("Server", ""))
