"""Clients that do not wait for each other: requests at their times, whatever becomes of those before."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from tests.conftest import golden
from tests.integration.crowd import PREDICT
from tests.integration.server import Server
from tests.integration.wire import address
from tests.reliability import account
from tests.reliability.beside import beside
from tests.reliability.sender import Load, Sender, arrive

_PER_SECOND = 100
_MOST_CONNECTIONS = 200
_REFUSED = ConnectionRefusedError.__name__


class Arrivals:
    """An open loop at a rate that the service carries; every second request has a connection of its own."""

    def __init__(self, server: Server) -> None:
        self._sender = Sender(Load(*address(server), PREDICT, golden()), _MOST_CONNECTIONS)
        self.sent = 0

    @contextmanager
    def coming(self) -> Iterator["Arrivals"]:
        """Until the end of the block; then waits for the answers."""
        with beside(self._run):
            yield self

    @property
    def refused(self) -> int:
        """How many could not connect."""
        return self._sender.statuses[_REFUSED]

    @property
    def broken(self) -> int:
        """How many got no whole answer on a connection that they had."""
        return self._sender.statuses.total() - self._sender.statuses["200"] - self.refused

    @property
    def told(self) -> str:
        """One line: how many were sent, and what came of them."""
        times = self._sender.times["200"]
        p99_ms, longest_s = account.percentile(times, 0.99) * 1000, max(times, default=0)
        return (
            f"open loop, {_PER_SECOND}/s, {self.sent} sent: {len(times)} 200, {self.refused} refused, "
            f"{self.broken} broken; p99 {p99_ms:.0f} ms, longest {longest_s:.2f} s"
        )

    def check(self, *, broken: int = 0) -> None:
        """Every request was answered 200, refused, or, at most so many, broken."""
        assert self.sent == self._sender.statuses.total() > 0
        assert self.broken <= broken, self._sender.statuses

    def _run(self, stop: Event) -> None:
        self.sent = arrive(self._sender, _PER_SECOND, 0.5, lambda _: not stop.is_set())
        self._sender.close()
