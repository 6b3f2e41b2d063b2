"""A contender that runs: started, answering, asked, measured, stopped."""

import http.client
import re
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.contenders import Contender
from benchmarks.load import Load
from benchmarks.processes import Server
from benchmarks.workloads import WORKLOADS, Form, Workload, body

HOST = "127.0.0.1"
_START_WITHIN_S = 120.0
_ASK_EVERY_S = 0.02
_SEVEN = re.compile(rb'"label":\s*"7"|"name":\s*"label".*?"data":\s*\["7"')
_SETTLED, _SETTLE_WITHIN_S = 5, 15.0
_TIMEOUT_S = 30.0


class NotStarted(Exception):
    """A contender that does not come to answer; the message is the reason."""


class Running(NamedTuple):
    """One that has answered; `first_answer_s` is how long that took from its start."""

    contender: Contender
    server: Server
    port: int
    log: Path
    first_answer_s: float

    def load(self, workload: Workload, form: Form) -> Load:
        """A workload's requests to it."""
        content_type, data = body(form, workload.pictures())
        return Load(HOST, self.port, self.contender.forms[form], data, content_type)

    def settle(self, load: Load) -> None:
        """Returns when what was left of the last measurement is worked off: after some quick answers in a row."""
        ends, quick, usual = time.perf_counter() + _SETTLE_WITHIN_S, 0, None
        while quick < _SETTLED and time.perf_counter() < ends:
            started = time.perf_counter()
            status, _ = ask(load)
            took = time.perf_counter() - started
            usual = took if usual is None else min(usual, took)
            quick = quick + 1 if status == http.client.OK and took < 3 * usual else 0


def ask(load: Load) -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own; 0 and the reason where there is no answer."""
    connection = http.client.HTTPConnection(load.host, load.port, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", load.path, load.body, {"Content-Type": load.content_type})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error).encode()
    finally:
        connection.close()


@contextmanager
def running(contender: Contender, settings: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A contender that has answered its first request rightly; raises NotStarted."""
    if not contender.python.exists():
        raise NotStarted(f"it is not installed: there is no {contender.python}")
    with tempfile.TemporaryDirectory() as folder:
        port, log = free_port(), Path(folder) / "log"
        command, environment = contender.started_by(port, [free_port(), free_port()])
        server = Server(command, {**environment, **(settings or {})}, log)
        try:
            yield Running(contender, server, port, log, _first_answer_s(contender, server, port, log))
        finally:
            server.stop()


def _first_answer_s(contender: Contender, server: Server, port: int, log: Path) -> float:
    form = next(iter(contender.forms))
    content_type, data = body(form, WORKLOADS["png"].pictures())
    load = Load(HOST, port, contender.forms[form], data, content_type)
    ends, said = server.started + _START_WITHIN_S, b""
    while time.perf_counter() < ends and server.exit_status() is None:
        status, said = ask(load)
        if status == http.client.OK:
            took = time.perf_counter() - server.started
            if _SEVEN.search(said):
                return took
            raise NotStarted(f"it does not say that the seven is one: {said[:200]!r}")
        time.sleep(_ASK_EVERY_S)
    last = log.read_text(errors="replace").strip().splitlines()[-1:] or [said.decode(errors="replace")]
    raise NotStarted(f"no answer within {_START_WITHIN_S:.0f} s, or it ended; its last line: {last[0][:300]}")


def free_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
