"""Log lines on stderr: JSON for programs, text for people; writing one never fails a request and never blocks it.

A line with structured fields is an ordinary log call. Its message is the sentence for people, `fields` is for programs:

    _log.info("GET /models 200", extra={"fields": {"message": "request", "status": 200}})

In JSON, `fields` replaces `logger`, `process` and `message`. A worker formats lines in another thread: objects that are
passed to a log call must not change afterwards.
"""

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from threading import Event
from typing import Any, Literal

import pythonjsonlogger.json

Format = Literal["auto", "json", "text"]
Level = Literal["debug", "info", "warning", "error"]

MAX_QUEUED_LINES = 10_000
_MAX_FLUSH_S = 1.0
# Lines are written in batches: waking the listener for each line takes a tenth of a small request's CPU time.
_BATCH_S = 0.02


class JsonFormatter(pythonjsonlogger.json.JsonFormatter):
    """One JSON object a record, ASCII only: `time` in UTC and `level`, then the record's `fields` if it has any."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Fills in `log_data`, in the order of the line."""
        log_data["time"] = self.formatTime(record)
        log_data["level"] = record.levelname.lower()
        ordinary = {"logger": record.name, "process": record.process, "message": record.getMessage()}
        log_data.update(getattr(record, "fields", ordinary))
        if "exc_info" in message_dict:
            log_data["exception"] = message_dict["exc_info"]


class TextFormatter(logging.Formatter):
    """Local time and message; the level only above info, a traceback below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(prefix)s%(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The line without its line break."""
        record.prefix = f"{record.levelname.lower()}: " if record.levelno > logging.INFO else ""
        return super().format(record)


class StderrHandler(QueueHandler):
    """Writes lines to stderr: in the calling thread, or in a listener's thread once that runs."""

    queue: SimpleQueue[logging.LogRecord | Event]

    def __init__(self) -> None:
        super().__init__(SimpleQueue())
        self._listener: _Listener | None = None
        self.dropped = 0

    def start_listener(self) -> None:
        """Starts the thread."""
        self._listener = _Listener(self)
        self._listener.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """The record as it is: the listener formats it, in this same process."""
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queues the record, or drops and counts it if the queue is full."""
        if self._listener is None:
            self.write(record)
        elif self.queue.qsize() < MAX_QUEUED_LINES:
            self.queue.put(record)
        else:
            self.dropped += 1

    def write(self, record: logging.LogRecord) -> None:
        """Writes the line; a closed, full or absent stderr loses it. Never raises: that would end the listener."""
        with suppress(Exception):
            # Not sys.stderr.write: Python's exit needs that stream's lock, which a blocked write holds.
            # Not descriptor 2: another file may have the number once stderr is closed.
            descriptor, line = sys.stderr.fileno(), self._line(record)
            while line:
                line = line[os.write(descriptor, line) :]

    def _line(self, record: logging.LogRecord) -> bytes:
        try:
            text = self.format(record)
        except Exception:  # arguments that do not fit the message, for one
            message, place = "a log record could not be formatted: %s:%d", (record.pathname, record.lineno)
            text = self.format(logging.LogRecord(record.name, logging.ERROR, *place, message, place, None))
        return f"{text}\n".encode("utf-8", "backslashreplace")

    def flush(self) -> None:
        """Waits until queued lines are written, a second at most; an ordinary exit of Python calls it."""
        if self._listener:
            written = Event()
            self.queue.put(written)
            written.wait(_MAX_FLUSH_S)


class _Listener(QueueListener):
    """Writes what its handler queued.

    By `write`, not by `handle`: Python's exit needs the lock that `handle` would keep during a blocked write.
    """

    queue: SimpleQueue[logging.LogRecord | Event]

    def __init__(self, handler: StderrHandler) -> None:
        super().__init__(handler.queue)
        self._handler, self._reported = handler, 0

    def dequeue(self, block: bool) -> Any:  # noqa: ANN401
        """The next record; after a batch, it lets another gather."""
        if self.queue.empty():
            time.sleep(_BATCH_S)
        return super().dequeue(block)

    def handle(self, record: logging.LogRecord | Event) -> None:
        """Writes a record, or sets the event of a flush; reports dropped lines when the queue is empty."""
        if isinstance(record, logging.LogRecord):
            self._handler.write(record)
        if self.queue.empty():
            self._report_dropped()
        if isinstance(record, Event):
            record.set()

    def _report_dropped(self) -> None:
        if dropped := self._handler.dropped - self._reported:
            self._reported += dropped
            message = "%d log lines were dropped: stderr is read too slowly"
            self._handler.write(logging.LogRecord(__name__, logging.WARNING, __file__, 0, message, (dropped,), None))


def configuration(chosen: Format, level: Level) -> dict[str, Any]:
    """For `logging.config.dictConfig` and gunicorn: all lines go to stderr in one format; `auto` is text on a terminal.

    UvicornWorker gives uvicorn's loggers the handlers of gunicorn's: gunicorn.error therefore names the handler itself.
    gunicorn.access has none, and without one uvicorn prepares no access line at all.
    """
    text = chosen == "text" or (chosen == "auto" and sys.stderr is not None and sys.stderr.isatty())
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": TextFormatter if text else JsonFormatter}},
        "handlers": {"stderr": {"()": StderrHandler, "formatter": "line"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            "service": {"level": level.upper()},
            "gunicorn.error": {"level": level.upper(), "handlers": ["stderr"], "propagate": False},
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": False},
        },
    }


def start_background() -> Callable[[], None]:
    """Has a thread write this process's lines from then on; returns `flush` of the handler that `configuration` set up.

    Threads do not survive a fork: call it in each worker. uvicorn ends a worker by a signal, which skips exit handlers:
    call the returned function when the application shuts down.
    """
    (handler,) = (found for found in logging.getLogger().handlers if isinstance(found, StderrHandler))
    handler.start_listener()
    return handler.flush
