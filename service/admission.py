"""How many may compute at once, how many may wait for it, and who is turned away."""

import math
import random
import time
from collections import deque
from collections.abc import Callable
from threading import Lock

from service.errors import Abandoned, DeadlinePassed, Overloaded

# Enough to smooth over requests of different cost, few enough to follow a change of load.
_COMPLETIONS = 64
_OF_LATE_S = 10
_LONGEST_RETRY_S = 60
# Whoever waited for no longer is not asked whether it is still there: that costs more than it saves.
_SHORT_WAIT_S = 0.01


def check_deadline(deadline: float | None) -> None:
    """Raises DeadlinePassed if that time, in `time.monotonic()` seconds, is over."""
    if deadline is not None and time.monotonic() >= deadline:
        raise DeadlinePassed("the time that the request allowed is over; nothing more was computed for it")


class Turn:
    """A place among those that compute; to be used once. A class, for a generator would cost each request more."""

    def __init__(self, leave: Callable[[], None], completed: deque[float]) -> None:
        self._leave, self._completed = leave, completed

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._completed.append(time.monotonic())
        self._leave()


class Admission:
    """A line in front of a bounded number of computations: first come, first served."""

    def __init__(self, most_computing: int, most_waiting: int, longest_wait_s: float) -> None:
        self._most_computing, self._most_waiting, self._longest_wait_s = most_computing, most_waiting, longest_wait_s
        self._lock = Lock()
        self._computing = 0
        # Each waiter sleeps on a lock of its own, which whoever leaves opens for the first: nobody overtakes.
        self._line: deque[Lock] = deque()
        self._completed: deque[float] = deque(maxlen=_COMPLETIONS)
        self.before: Callable[[], int] = lambda: 0
        """How many wait to get in line; to be set where a server has a line of its own."""

    @property
    def computing(self) -> int:
        """How many compute now."""
        return self._computing

    @property
    def waiting(self) -> int:
        """How many wait now, those among them who are not in this line yet."""
        return len(self._line) + self.before()

    def turn(self, deadline: float | None, wanted: Callable[[], bool], *, waited_s: float = 0.0) -> "Turn":
        """Waits for a turn, which the block after `with` then holds; `waited_s` is what a line before this one cost.

        Raises Overloaded where the line is full or the whole wait too long, DeadlinePassed where `deadline` is over
        before the turn comes, and Abandoned where `wanted`, asked after a wait, says that nobody needs the answer.
        """
        waited = self._enter(deadline, waited_s) or waited_s > _SHORT_WAIT_S
        try:
            check_deadline(deadline)
            if waited and not wanted():
                raise Abandoned("the connection was closed, or its sending side, while the request waited for its turn")
        except BaseException:
            self._leave()
            raise
        return Turn(self._leave, self._completed)

    def retry_after_s(self) -> int:
        """Whole seconds, at least 1, after which the line of now will have been worked off, as fast as of late.

        By chance up to half as long again and a second more: those turned away together must not come back together.
        """
        expected = self.waiting / rate if (rate := self._per_second()) else self._longest_wait_s
        return max(1, min(_LONGEST_RETRY_S, math.ceil(expected * random.uniform(1, 1.5)) + random.randint(0, 1)))

    def _per_second(self) -> float:
        now = time.monotonic()
        times = [completed for completed in list(self._completed) if completed > now - _OF_LATE_S]
        return len(times) / max(now - times[0], 1e-3) if times else 0.0

    def _enter(self, deadline: float | None, waited_s: float) -> bool:
        """Whether there was a wait."""
        with self._lock:
            if self._computing < self._most_computing:
                self._computing += 1
                return False
            if len(self._line) >= self._most_waiting:
                raise self._overloaded(f"{self._most_waiting} requests wait already")
            turn = Lock()
            turn.acquire()
            self._line.append(turn)
        self._wait(turn, deadline, self._longest_wait_s - waited_s)
        return True

    def _wait(self, turn: Lock, deadline: float | None, longest_s: float) -> None:
        now = time.monotonic()
        latest = min(now + longest_s, math.inf if deadline is None else deadline)
        if turn.acquire(timeout=max(0.0, latest - now)):
            return
        with self._lock:
            if turn not in self._line:
                return  # it came in the moment between
            self._line.remove(turn)
        check_deadline(deadline)
        raise self._overloaded(f"no turn came within {self._longest_wait_s:g} s")

    def _leave(self) -> None:
        with self._lock:
            if self._line:
                self._line.popleft().release()
            else:
                self._computing -= 1

    def _overloaded(self, reason: str) -> Overloaded:
        return Overloaded(f"the service is busy: {reason}; try again later", self.retry_after_s())
