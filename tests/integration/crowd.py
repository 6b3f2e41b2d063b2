"""Clients that ask without pause, and an account of what came of each request."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Lock, Thread

from tests.conftest import golden
from tests.integration.server import Server
from tests.integration.wire import Wire, post, wire

PREDICT = "/models/mnist/predict"
KEEP, FRESH = post(PREDICT, golden()), post(PREDICT, golden(), "Connection: close")


class Crowd:
    """Half of the clients keep their connections; what came of each request is counted.

    A kept connection may be closed between two requests, which HTTP leaves to the server: the request is then sent
    again on a new one. A connection that is refused was never accepted.
    """

    def __init__(self, server: Server, clients: int, kept: Sequence[bytes] = (KEEP,), pause_s: float = 0) -> None:
        self._server, self._stop, self._lock = server, Event(), Lock()
        self._kept, self._pause_s = kept, pause_s
        self.sent = 0
        self.outcomes: Counter[str] = Counter()
        self.seconds: list[float] = []
        """Of each answer, from its request."""
        self._threads = [Thread(target=self._ask, args=(number % 2 == 0,)) for number in range(clients)]

    @contextmanager
    def asking(self) -> Iterator["Crowd"]:
        """Asks until the end of the block, or until connections are refused."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(60)

    def wait_for(self, answers: int) -> None:
        """Returns when so many more were answered 200."""
        goal, ends = self.outcomes["200"] + answers, time.monotonic() + 60
        while self.outcomes["200"] < goal:
            assert time.monotonic() < ends, self.outcomes
            time.sleep(0.01)

    @property
    def broken(self) -> int:
        """Requests whose connection ended before their answer was whole."""
        return sum(
            count for outcome, count in self.outcomes.items() if not outcome.isdecimal() and outcome != "refused"
        )

    def _ask(self, keeps: bool) -> None:
        while not self._stop.is_set():
            try:
                with wire(self._server) as client:
                    self._use(client, keeps)
            # Reset: the listener was closed while the connection was made.
            except (ConnectionRefusedError, ConnectionResetError):
                self._note_sent()
                self._note("refused")
                return

    def _use(self, client: Wire, keeps: bool) -> None:
        answered = 0
        while not self._stop.is_set():
            self._note_sent()
            began = time.monotonic()
            outcome, goes_on = self._one(client, self._kept[answered % len(self._kept)] if keeps else FRESH)
            self.seconds.append(time.monotonic() - began)
            self._note(outcome or ("closed between" if answered else "closed before the first"))
            if not goes_on:
                return
            answered += 1
            self._stop.wait(self._pause_s)

    def _one(self, client: Wire, request: bytes) -> tuple[str, bool]:
        """What came of a request, empty where the connection was closed, and whether the next may follow on it."""
        try:
            client.send(request)
            answer = client.answer()
        except OSError as error:
            return type(error).__name__, False
        return (str(answer.status), answer.headers.get("connection") != "close") if answer else ("", False)

    def _note_sent(self) -> None:
        with self._lock:
            self.sent += 1

    def _note(self, outcome: str) -> None:
        with self._lock:
            self.outcomes[outcome] += 1
