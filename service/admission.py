"""Admission: which requests compute now, which wait for a computing thread, and which are refused."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from service.api.telemetry import RequestRecord
from service.errors import Abandoned, DeadlinePassed, Fault, Overloaded

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
T = TypeVar("T")

# A client that disconnects is noticed after this time at the earliest; watching each short request would cost more.
_WATCH_AFTER_S = 0.05
_EXPORT_INTERVAL_S = 0.25


class Admission:
    """Computing threads, first come, first served; the wait for one is bounded by time, not by a number of requests.

    Bounded by time, clients that retry at once cannot flood the event loop with refusals.
    """

    def __init__(self, threads: int, max_wait_s: float) -> None:
        self._max_wait_s = max_wait_s
        self._pool = ThreadPoolExecutor(threads, "compute")
        self._jobs: set[Future[Any]] = set()

    async def run(self, compute: Callable[[], T], record: RequestRecord, receive: Receive) -> T:
        """What `compute` returns, from a computing thread.

        Raises Overloaded or DeadlinePassed if no thread is free in time, and Abandoned if the client leaves before.
        """
        loop = asyncio.get_running_loop()
        job = self._pool.submit(_timed, compute, record)
        self._jobs.add(job)
        watch: list[asyncio.Task[None]] = []
        # A job that has begun cannot be cancelled.
        timer = loop.call_later(self._latest(record) - time.monotonic(), job.cancel)
        watcher = loop.call_later(_WATCH_AFTER_S, lambda: watch.append(loop.create_task(_watch(receive, record, job))))
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task and task.cancelling():  # the worker is stopping
                raise
            raise self._refusal(record) from None
        finally:
            self._jobs.discard(job)
            timer.cancel()
            watcher.cancel()
            for task in watch:
                task.cancel()

    @property
    def load(self) -> tuple[int, int]:
        """How many requests wait, and how many compute."""
        computing = sum(job.running() for job in self._jobs)
        return len(self._jobs) - computing, computing

    async def export_load(self, export: Callable[[int, int], object]) -> None:
        """Keeps exporting the load."""
        exported = None
        while True:
            if (load := self.load) != exported:
                export(*load)
                exported = load
            await asyncio.sleep(_EXPORT_INTERVAL_S)

    def _latest(self, record: RequestRecord) -> float:
        """When the wait for a thread ends, on the clock of `time.monotonic()`."""
        latest = record.received + self._max_wait_s
        return latest if record.deadline is None else min(latest, record.deadline)

    def _refusal(self, record: RequestRecord) -> Fault:
        """Why a job was cancelled before it began."""
        if record.client_gone:
            return Abandoned("the client closed its connection while the request waited for its turn")
        if self._latest(record) == record.deadline:
            return DeadlinePassed("the time that the request allowed is over; nothing was computed for it")
        # By chance up to twice the longest wait: clients that were refused together must not come back together.
        retry_after_s = random.randint(1, max(1, math.ceil(2 * self._max_wait_s)))
        text = f"the service is busy: no turn came within {self._max_wait_s:g} s; try again later"
        return Overloaded(text, retry_after_s)


def _timed(compute: Callable[[], T], record: RequestRecord) -> T:
    record.stages_s["queue"] = time.monotonic() - record.received
    return compute()


async def _watch(receive: Receive, record: RequestRecord, job: Future[Any]) -> None:
    """Cancels the job, or tells its thread, when the client closes its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
    record.client_gone = True
    job.cancel()
