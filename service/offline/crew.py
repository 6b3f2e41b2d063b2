"""Very many files told by all cores, in the order of the files."""

import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from threading import Thread

from service.errors import Fault
from service.offline.predict import Asked, Line, Source, Teller

# Files a process takes at a time: handing over costs as much as answering a small picture.
_TAKEN = 16
# Takings under way, for each process: one slow picture keeps nobody waiting, and what is held stays small.
_AHEAD = 4


class LostProcess(Fault):
    """A process of the crew is gone."""

    code = "lost_process"


def lines(teller: Teller, sources: Iterable[Source], jobs: int) -> Iterator[Line]:
    """A line a file, in order, from `jobs` processes; from this one where there are not files enough to pay for more.

    However many files there are, only a few per process are held. Raises LostProcess.
    """
    sources = iter(sources)
    first = list(islice(sources, jobs * _TAKEN))
    everything = chain(first, sources)
    if jobs == 1 or len(first) < jobs * _TAKEN:
        return map(teller.line, everything)
    return _together(teller.asked, everything, jobs)


def _together(asked: Asked, sources: Iterator[Source], jobs: int) -> Iterator[Line]:
    # Spawned, not forked: neither engine survives a fork.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_join_the_crew)
    under_way: deque[Future[list[Line]]] = deque()
    try:
        while taken := list(islice(sources, _TAKEN)):
            under_way.append(pool.submit(_tell, asked, taken))
            if len(under_way) == jobs * _AHEAD:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()
    except BrokenProcessPool as error:
        raise LostProcess("a process ended too early, for want of memory perhaps: try fewer with --jobs") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _tell(asked: Asked, sources: list[Source]) -> list[Line]:
    return [_opened(asked).line(source) for source in sources]


@cache
def _opened(asked: Asked) -> Teller:
    """Opened once in each process."""
    return Teller(asked)


def _join_the_crew() -> None:
    """Ctrl-C is for the one that leads, and nobody stays behind when that one is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_the_leader, daemon=True).start()


def _end_with_the_leader() -> None:
    if leader := parent_process():
        leader.join()
        os._exit(1)
