"""A real service under gunicorn on a free port of this machine, for as long as a block runs."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.conftest import REPOSITORY

_START_TIMEOUT_S = 60
# In a command: where the settings go.
SETTINGS = "<settings>"
COMMAND = (SETTINGS, sys.executable, "-m", "service", "serve")


class Server(NamedTuple):
    """A running service: its process, where it listens, and the file with its log."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a GET."""
        return self._answer(urllib.request.Request(self.url + path))

    def post(self, path: str, body: bytes) -> tuple[int, str]:
        """Status and body of a POST with a raw body."""
        return self._answer(urllib.request.Request(self.url + path, data=body, method="POST"))

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to gunicorn's own process, which may be a grandchild of the started command."""
        pids = re.findall(r"Listening at: \S+ \((\d+)\)", self.log.read_text())
        os.kill(int(pids[0]) if pids else self.process.pid, number)

    def stop(self) -> int:
        """Ends the service if it still runs; returns its exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.process.wait(60)

    def _answer(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def start(log: Path, command: Sequence[str] = COMMAND, **settings: object) -> Server:
    """Starts a command that serves, with these settings as environment variables and a free port."""
    port = _free_port()
    variables = {f"SQUINT_{name.upper()}": str(value) for name, value in {**settings, "port": port}.items()}
    # By `env`, not by the process' environment: a container gets only its command line.
    words = [word for part in command for word in (["env", *pairs(variables)] if part == SETTINGS else [part])]
    with log.open("wb") as file:
        process = subprocess.Popen(words, cwd=REPOSITORY, stdout=file, stderr=file)
    return Server(process, f"http://127.0.0.1:{port}", log)


def pairs(variables: Mapping[str, str]) -> list[str]:
    """`NAME=value` for each."""
    return [f"{name}={value}" for name, value in variables.items()]


@contextmanager
def running(log: Path, command: Sequence[str] = COMMAND, **settings: object) -> Iterator[Server]:
    """A service that is ready; it is stopped at the end of the block."""
    server = start(log, command, **settings)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        server.stop()


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.log.read_text()
        try:
            if server.get("/readyz")[0] == 200:
                return
        except OSError:
            pass  # not listening yet
        time.sleep(0.05)
    raise AssertionError(f"not ready after {_START_TIMEOUT_S} s:\n{server.log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
