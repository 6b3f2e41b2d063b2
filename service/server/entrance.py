"""Who of those that wait to connect a worker takes: its share of them, for as long as it has room."""

import socket
import time
from collections.abc import Callable, Iterable

from service.server import listening
from service.server.balance import Balance
from service.server.reception import Reception

_ACCEPT_S = 0.01
# So long another worker, which has fewer connections, has to take the next one: it may be held up.
_LEFT_TO_OTHERS_S = 0.005


class Entrance:
    """A worker's; shut until it is opened."""

    def __init__(self, balance: Balance, seat: int, reception: Reception, look_out: Callable[[bool], None]) -> None:
        """With `look_out` the worker begins and ends to be told of those who wait."""
        self._balance, self._seat, self._reception, self._look_out = balance, seat, reception, look_out
        self._holds_back_until = 0.0
        self.is_open = False

    def open_if_fit(self, is_ready: bool) -> bool:
        """Opens unless the worker cannot answer and others can; whether it did."""
        self._balance.tell_ready(self._seat, is_ready)
        if not is_ready and self._balance.has_ready():
            return False
        self.is_open = True
        self._look_out(True)
        return True

    def stay_open_or_not(self, is_ready: bool) -> None:
        """Two that opened together may have come out differently: then who cannot answer shuts."""
        self._balance.tell_ready(self._seat, is_ready)
        if not is_ready and self._balance.has_ready():
            self.shut()

    def shut(self) -> None:
        """Takes nobody from now on."""
        self.is_open, self._holds_back_until = False, 0.0
        self._look_out(False)
        self._balance.leave(self._seat)

    def admit(self, listener: socket.socket) -> None:
        """Takes who waits, for a bounded time and but for those who are left to others: the last may be a probe."""
        ends = time.monotonic() + _ACCEPT_S
        for waiting in range(listening.waiting(listener), 0, -1):
            if waiting <= self._balance.left_to_others(self._seat, self._reception.open):
                self._hold_back()
                return
            if not self._take_one(listener) or time.monotonic() >= ends:
                return

    def longest_s(self, longest_s: float) -> float:
        """How long the worker may wait for anything to happen, `longest_s` at most."""
        return min(longest_s, _LEFT_TO_OTHERS_S) if self._holds_back_until else longest_s

    def look(self, listeners: Iterable[socket.socket], has_room: bool) -> None:
        """At each turn of the loop: tells others what the worker has, and lets more come if it has room."""
        if not self.is_open:
            return
        self._balance.tell(self._seat, self._reception.open)
        if not self._holds_back_until:
            if has_room and self._reception.has_room:
                self._look_out(True)
        elif time.monotonic() >= self._holds_back_until:
            self._step_forward(listeners)

    def try_again(self, has_room: bool) -> None:
        """Now and then: where the reception is full, somebody may have let it wait long enough to give way."""
        if self.is_open and not self._holds_back_until:
            self._look_out(has_room)

    def is_far_ahead(self) -> bool:
        """Whether another worker has far fewer connections."""
        return self.is_open and self._balance.is_far_ahead(self._seat, self._reception.open)

    def _take_one(self, listener: socket.socket) -> bool:
        if not self._reception.make_room():
            self._look_out(False)
            return False
        is_taken = self._reception.accept(listener)
        self._balance.tell(self._seat, self._reception.open)
        return is_taken

    def _hold_back(self) -> None:
        self._holds_back_until = time.monotonic() + _LEFT_TO_OTHERS_S
        self._look_out(False)

    def _step_forward(self, listeners: Iterable[socket.socket]) -> None:
        """Takes of what nobody else has taken meanwhile one half: others may be late, or held up for long."""
        self._holds_back_until = 0.0
        self._look_out(True)
        for listener in listeners:
            for _ in range((listening.waiting(listener) + 1) // 2):
                self._take_one(listener)
