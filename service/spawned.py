"""Other processes that compute for this one, and end when it does."""

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from threading import Thread


def processes(count: int) -> ProcessPoolExecutor:
    """So many of them, spawned, not forked: neither an engine nor a thread's lock survives a fork.

    Ctrl-C is for the one that leads, and nobody stays behind when that one is killed.
    """
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_join)


def _join() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_the_leader, daemon=True).start()


def _end_with_the_leader() -> None:
    if leader := parent_process():
        leader.join()
        os._exit(1)
