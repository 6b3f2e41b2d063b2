"""A server's processes: started, asked until they answer, measured, stopped."""

import http.client
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import psutil

from benchmarks.contenders import Contender
from benchmarks.workloads import Payload, golden_png

HOST = "127.0.0.1"
_START_TIMEOUT_S, _STOP_TIMEOUT_S, _ANSWER_TIMEOUT_S, _RETRY_S = 120.0, 10.0, 30.0, 0.01
_IDLE_TIMEOUT_S, _IDLE_CHECK_S, _IDLE_SHARE = 3.0, 0.2, 0.1
_SEVEN = b'"label":"7"'


class ServerError(Exception):
    """A server does not start or answers wrongly; the message is the reason."""


class Server:
    """A running contender; `first_answer_s` counts from the start of its process."""

    def __init__(self, contender: Contender, port: int, process: psutil.Popen) -> None:
        self.contender, self.port = contender, port
        self.first_answer_s = 0.0
        self._process = process

    @property
    def url(self) -> str:
        """Where it predicts."""
        return f"http://{HOST}:{self.port}{self.contender.path}"

    def tree(self) -> list[psutil.Process]:
        """Its process and all that descend from it."""
        return [self._process, *self._process.children(recursive=True)]

    def cpu_s(self) -> float:
        """Seconds of a core that all of its processes have used, the kernel's part included."""
        return self._sum(lambda process: process.cpu_times().user + process.cpu_times().system)

    def pss_mb(self) -> float:
        """Proportional set size: the memory of all its processes, with shared pages counted once."""
        return self._sum(lambda process: process.memory_full_info().pss) / 1e6

    def _sum(self, measure: Callable[[psutil.Process], float]) -> float:
        total = 0.0
        for process in self.tree():
            with suppress(psutil.NoSuchProcess):
                total += measure(process)
        return total

    def wait_until_idle(self) -> None:
        """Returns when requests whose clients have gone are worked off, or after some seconds."""
        deadline = time.monotonic() + _IDLE_TIMEOUT_S
        while time.monotonic() < deadline:
            before_s = self.cpu_s()
            time.sleep(_IDLE_CHECK_S)
            if self.cpu_s() - before_s < _IDLE_SHARE * _IDLE_CHECK_S:
                return

    def is_running(self) -> bool:
        """Whether its first process lives."""
        return self._process.poll() is None

    def post(self, payload: Payload) -> tuple[int, bytes]:
        """Status and body of one request on a fresh connection."""
        return request(self.port, "POST", self.contender.path, payload)

    def stop(self) -> None:
        """Asks it to end, and kills what remains."""
        processes: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            processes = self.tree()
            self._process.terminate()
        _, alive = psutil.wait_procs(processes, _STOP_TIMEOUT_S)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()


@contextmanager
def running(contender: Contender, extra_environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server that has given its first right answer; raises ServerError."""
    port = _free_port()
    environment = {**os.environ, **contender.variables(port), **(extra_environment or {})}
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        try:
            process = psutil.Popen(
                contender.command_line(port), cwd=contender.directory, env=environment, stdout=log, stderr=log
            )
        except FileNotFoundError as error:
            raise ServerError(f"{contender.title} is not installed: {error.filename} is missing") from error
        server = Server(contender, port, process)
        try:
            server.first_answer_s = _wait_for_answer(server, started)
            yield server
        except ServerError as error:
            log.seek(0)
            last_lines = log.read().decode(errors="replace").splitlines()[-5:]
            raise ServerError("\n".join([f"{contender.title}: {error}", *last_lines])) from error
        finally:
            server.stop()


def _wait_for_answer(server: Server, started: float) -> float:
    payload = server.contender.payload(golden_png())
    deadline = time.monotonic() + _START_TIMEOUT_S
    while server.is_running() and time.monotonic() < deadline:
        with suppress(OSError, http.client.HTTPException):
            status, body = server.post(payload)
            if status == http.client.OK:
                if _SEVEN not in body.replace(b" ", b""):
                    raise ServerError(f"does not recognise a seven: {body[:200]!r}")
                return time.perf_counter() - started
        time.sleep(_RETRY_S)
    raise ServerError(f"no answer within {_START_TIMEOUT_S:.0f} s, or it ended; its last lines:")


def request(port: int, method: str, path: str, payload: Payload | None = None) -> tuple[int, bytes]:
    """Status and body of one request on a fresh connection; raises OSError or HTTPException."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_ANSWER_TIMEOUT_S)
    headers = {"Content-Type": payload.content_type} if payload else {}
    try:
        connection.request(method, path, payload.data if payload else None, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
