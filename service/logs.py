"""Log lines: JSON for programs, plain text for people; writing one never fails a request and never makes it wait."""

import json
import logging
import os
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from threading import Event, Thread
from typing import Any, Literal

Format = Literal["auto", "json", "text"]
Level = Literal["debug", "info", "warning", "error"]

# Lines that wait for a reader that is slow; beyond them lines are lost, and counted.
_MOST_WAITING = 10_000
# Lines are written together: waking a thread for each would cost the requests more than the lines do.
_GATHER_S = 0.02
# What the system writes to a pipe in one piece, whoever else writes to it.
_PIECE_BYTES = 4096
# Made once: json.dumps would make one for every line.
_encode = json.JSONEncoder(default=str).encode


class Line(ABC):
    """A log message that is fields for programs and a sentence for people."""

    @abstractmethod
    def fields(self) -> Mapping[str, object]:
        """What the JSON line holds beside time and level."""

    @abstractmethod
    def __str__(self) -> str: ...


class JsonFormatter(logging.Formatter):
    """One JSON object a record, exceptions inside."""

    def format(self, record: logging.LogRecord) -> str:
        """The record without a line break."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {"time": f"{seconds}.{int(record.msecs):03}Z", "level": record.levelname.lower()}
        line |= record.msg.fields() if isinstance(record.msg, Line) else _fields(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {"logger": record.name, "process": record.process, "message": record.getMessage()}


class TextFormatter(logging.Formatter):
    """The time and the sentence; the level where it is more than information."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, an exception's traceback below it."""
        level = f"{record.levelname.lower()}: " if record.levelno > logging.INFO else ""
        told = f"{time.strftime('%H:%M:%S', time.localtime(record.created))} {level}{record.getMessage()}"
        return f"{told}\n{self.formatException(record.exc_info)}" if record.exc_info else told


class StderrHandler(logging.Handler):
    """Writes to stderr, or to another file descriptor; what cannot be written is lost."""

    def __init__(self, descriptor: int | None = None) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._background: _Background | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record, or hands it to the background."""
        try:
            line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
        except Exception:  # a record that cannot be put in words must not end what it tells of
            line = b"a log record could not be formatted\n"
        if self._background:
            self._background.add(line)
        else:
            self.write(line)

    def write(self, text: bytes) -> None:
        """Writes all of it; gives up at the first error."""
        try:
            # Not a closed stderr's number: that may be another file's by now.
            descriptor = sys.stderr.fileno() if self._descriptor is None else self._descriptor
            while text:
                text = text[os.write(descriptor, text) :]
        except (OSError, ValueError, AttributeError):
            pass

    def write_in_background(self) -> None:
        """From now on no caller waits for stderr; after a fork, for it starts a thread."""
        self._background = _Background(self)

    def flush(self) -> None:
        """Waits a moment until the background has written everything."""
        if self._background:
            self._background.finish()


class _Background:
    """A thread that writes what others add, which never makes them wait."""

    def __init__(self, handler: StderrHandler) -> None:
        self._handler = handler
        self._lines: deque[bytes] = deque()
        self._lost = 0
        self._wake, self._done = Event(), Event()
        Thread(target=self._run, name="log", daemon=True).start()

    def add(self, line: bytes) -> None:
        if len(self._lines) >= _MOST_WAITING:
            self._lost += 1
            return
        self._lines.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def finish(self, timeout_s: float = 1.0) -> None:
        self._done.clear()
        self._wake.set()
        self._done.wait(timeout_s)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(_GATHER_S)
            self._wake.clear()
            self._write()
            self._done.set()

    def _write(self) -> None:
        piece = b""
        while self._lines:
            line = self._lines.popleft()
            if piece and len(piece) + len(line) > _PIECE_BYTES:
                self._handler.write(piece)
                piece = b""
            piece += line
        self._handler.write(piece)
        if lost := self._lost:
            self._lost -= lost
            logging.getLogger(__name__).warning("%d log lines were lost: stderr is read too slowly", lost)


def find_out_less() -> None:
    """Has no line of this process cost what no line tells: where it was logged, and by which thread.

    By the switches that the HOWTO of `logging` names under optimization.
    """
    logging._srcfile = None
    logging.logThreads = logging.logMultiprocessing = False


def configuration(chosen: Format, level: Level) -> dict[str, Any]:
    """For `logging.config.dictConfig`: everything goes to stderr in one format; `auto` is text on a terminal."""
    text = chosen == "text" or (chosen == "auto" and sys.stderr is not None and sys.stderr.isatty())
    formatter = TextFormatter if text else JsonFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"stderr": {"()": StderrHandler, "formatter": "line"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            "service": {"level": level.upper()},
            "gunicorn.error": {"level": level.upper(), "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": False},
        },
    }


def handlers() -> list[StderrHandler]:
    """Those that `configuration` set up in this process."""
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, StderrHandler)]
