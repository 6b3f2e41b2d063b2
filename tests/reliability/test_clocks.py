"""The wall clock is set while the service works; each process of it reads the time from a clock of the test's."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import encoded, golden
from tests.integration.crowd import PREDICT, Crowd
from tests.integration.processes import living_workers, until
from tests.integration.server import Server, running
from tests.integration.test_watching import total, wait_for_both
from tests.integration.wire import post, wire
from tests.reliability import account
from tests.reliability.conftest import Tell
from tests.reliability.scale import Scale
from tests.reliability.test_versions import put

pytestmark = pytest.mark.reliability
# Python runs it before anything else.
PROGRAM = """
import os, time
_real = time.time

def _time():
    try:
        with open(os.environ["SQUINT_TEST_CLOCK"]) as file:
            return _real() + float(file.read() or 0)
    except (OSError, ValueError):
        return _real()

time.time = _time
time.time_ns = lambda: int(_time() * 1e9)
"""
HOUR, YEAR = 3600, 365 * 86400


class Clock:
    """A wall clock that can be set."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def set(self, seconds: float) -> None:
        """So much ahead of the real one."""
        part = self._file.with_suffix(".part")
        part.write_text(str(seconds))
        os.replace(part, self._file)


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of every Python process that is started from now on."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("SQUINT_TEST_CLOCK", str(tmp_path / "clock"))
    made = Clock(tmp_path / "clock")
    made.set(0)
    return made


JUMPS = (HOUR, -HOUR, YEAR, -YEAR, 0, 30, -30, 10 * YEAR, 0)


def test_a_clock_that_jumps_costs_no_request(tmp_path: Path, clock: Clock, scale: Scale, tell: Tell) -> None:
    with running(tmp_path / "log", workers=2) as server:
        workers = living_workers(server)
        with Crowd(server, 8).asking() as crowd:
            for jump in JUMPS:
                clock.set(jump)
                crowd.wait_for(100)
        assert server.get("/readyz")[0] == 200 and living_workers(server) == workers
        logged = server.log.read_text()
    tell(f"{len(JUMPS)} jumps of up to ten years; {account.told(crowd)}")
    account.check(crowd)
    # The clock is the test's indeed: lines were logged in years to come.
    assert f'"time": "{time.gmtime().tm_year + 10}-' in logged


def test_a_clock_that_is_set_back_during_a_stop_costs_no_request(tmp_path: Path, clock: Clock, tell: Tell) -> None:
    """Set forward, it does: gunicorn measures its patience by the wall clock, and kills workers that still compute."""
    picture = encoded(Image.effect_noise((2500, 2500), 50), "PNG")
    with running(tmp_path / "log", workers=2) as server, ThreadPoolExecutor(6) as pool:
        wait_for_both(server)
        answers = [pool.submit(answered, server, picture) for _ in range(6)]
        until(lambda: total(server, "squint_computing") > 0)
        server.signal(signal.SIGTERM)
        until(lambda: "Handling signal: term" in server.log.read_text())
        clock.set(-HOUR)
        statuses = [answer.result() for answer in answers]
        began = time.monotonic()
        assert server.process.wait(30) == 0
        tell(f"{statuses}, ended {time.monotonic() - began:.1f} s after the last")
    assert statuses == [200] * 6 and "SIGKILL" not in server.log.read_text()


def answered(server: Server, picture: bytes) -> int:
    """The status of a request with many pictures."""
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n%s\r\n' % picture
    with wire(server) as client:
        client.send(post(PREDICT, part * 4 + b"--b--\r\n", "Content-Type: multipart/form-data; boundary=b"))
        return client.answered().status


def test_time_limits_are_kept_whatever_the_clock_says(tmp_path: Path, clock: Clock, tell: Tell) -> None:
    with running(tmp_path / "log", workers=1, head_timeout_s=1) as server, wire(server) as slow:
        slow.send(b"GET /livez HTTP/1.1\r\n")
        clock.set(-YEAR)
        began = time.monotonic()
        status = slow.answered().status
        took = time.monotonic() - began
        clock.set(YEAR)
        with wire(server) as patient:
            patient.send(post(PREDICT, golden(), "X-Request-Timeout: 5"))
            assert patient.answered().status == 200
    tell(f"{status} after {took:.2f} s of 1 s")
    assert status == 408 and 0.5 <= took <= 3


def test_new_versions_are_noticed_whatever_the_clock_says(tmp_path: Path, models_dir: Path, clock: Clock) -> None:
    """Also where the new files are older than the old ones."""

    def made_long_ago(folder: Path) -> None:
        for path in folder.rglob("*"):
            os.utime(path, (1, 1))

    clock.set(-YEAR)
    with running(tmp_path / "log", models_dir=models_dir, workers=2, poll_interval_s=0.1, log_format="text") as server:
        until(lambda: total(server, "squint_model_loads_total") == 2)
        put(models_dir, 2, made_long_ago, tmp_path / "beside")
        ends = time.monotonic() + 60
        while server.log.read_text().count("version loaded: mnist/2") < 2:
            assert time.monotonic() < ends, server.log.read_text()
            time.sleep(0.05)
