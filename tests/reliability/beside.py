"""What goes on beside a test's main business."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread


@contextmanager
def beside(run: Callable[[Event], None]) -> Iterator[None]:
    """Has `run` go on in a thread until its event is set, at the end of the block; waits for it then."""
    stop = Event()
    thread = Thread(target=run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
