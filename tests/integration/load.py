"""Requests without a pause while something else happens, every answer kept."""

import http.client
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import NamedTuple

from tests.integration.server import Server

_DEADLINE_S = 60


class Answer(NamedTuple):
    """One answer: when it was asked for and came, of which address; without a status what broke the connection."""

    began: float
    ended: float
    path: str
    status: int | None
    version: int | None
    said: str


class Load:
    """Threads that post a picture to addresses in turn, each on a connection of its own."""

    def __init__(self, server: Server, paths: Sequence[str], body: bytes, threads: int) -> None:
        self._address, self._paths, self._body = server.url.removeprefix("http://"), paths, body
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        self.answers: list[Answer] = []

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Asks for as long as the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            for thread in self._threads:
                thread.join()

    def goes_on(self, answers: int = 40) -> None:
        """Returns after this many more answers."""
        wanted, deadline = len(self.answers) + answers, time.monotonic() + _DEADLINE_S
        while len(self.answers) < wanted:
            assert time.monotonic() < deadline, "the service does not answer"
            time.sleep(0.01)

    def _run(self) -> None:
        for path in cycle(self._paths):
            if self._stopping.is_set():
                return
            # As clients without a pool: a new connection may go to either worker.
            connection = http.client.HTTPConnection(self._address, timeout=30)
            began, status, version, said = time.monotonic(), None, None, ""
            try:
                connection.request("POST", path, self._body)
                response = connection.getresponse()
                status, said = response.status, response.read().decode()
                version = json.loads(said).get("version")
            except (OSError, http.client.HTTPException) as error:
                said = repr(error)
            finally:
                connection.close()
            self.answers.append(Answer(began, time.monotonic(), path, status, version, said))
