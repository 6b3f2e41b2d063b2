"""Log lines are JSON or text, and writing one neither fails nor waits."""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

import pytest

from service import logs
from service.logs import JsonFormatter, Line, StderrHandler, TextFormatter


class Seven(Line):
    """Fields that need escaping."""

    def fields(self) -> Mapping[str, object]:
        """For JSON."""
        return {"label": "7", "note": 'a "quoted"\nline'}

    def __str__(self) -> str:
        return "a seven"


def record(message: object, level: int = logging.INFO, *args: object, exc_info: bool = False) -> logging.LogRecord:
    raised = sys.exc_info() if exc_info else None
    return logging.LogRecord("service.test", level, __file__, 1, message, args, raised)


class Pipe:
    """A pipe whose ends close once, however often they are told to."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self.reading, self.writing = os.fdopen(reading, "rb", 0), os.fdopen(writing, "wb", 0)
        self.handler = StderrHandler(writing)
        self.handler.setFormatter(JsonFormatter())
        self._read: list[bytes] = []
        self._reader = threading.Thread(target=lambda: self._read.extend(iter(lambda: self.reading.read(65536), b"")))

    def read_on(self) -> None:
        """Begins to read."""
        self._reader.start()

    def all(self) -> bytes:
        """What was read, up to the end."""
        self.writing.close()
        self._reader.join(30)
        return b"".join(self._read)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """One with a handler that writes to it."""
    made = Pipe()
    yield made
    made.reading.close()
    made.writing.close()


def test_a_record_is_one_line_of_json() -> None:
    text = JsonFormatter().format(record("two\nlines of %s", logging.WARNING, "it"))
    assert "\n" not in text
    line = json.loads(text)
    assert (line["level"], line["logger"], line["message"]) == ("warning", "service.test", "two\nlines of it")
    assert line["time"].endswith("Z") and line["process"] == os.getpid()


def test_a_line_of_fields_holds_them_beside_time_and_level() -> None:
    line = json.loads(JsonFormatter().format(record(Seven())))
    assert set(line) == {"time", "level", "label", "note"} and line["label"] == "7"


def test_an_exception_is_inside_the_json_and_below_the_text() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        failed = record("it failed", logging.ERROR, exc_info=True)
    text = JsonFormatter().format(failed)
    assert "\n" not in text and "ValueError: broken" in json.loads(text)["exception"]
    told = TextFormatter().format(failed).splitlines()
    assert told[0].endswith("error: it failed") and told[-1] == "ValueError: broken"


def test_text_is_the_sentence_and_the_level_only_where_it_is_more_than_information() -> None:
    assert TextFormatter().format(record(Seven())).endswith(" a seven")
    assert TextFormatter().format(record("mind", logging.WARNING)).endswith(" warning: mind")


def test_what_cannot_be_formatted_costs_a_line_and_nothing_else(pipe: Pipe) -> None:
    pipe.handler.handle(record("%d", logging.INFO, "no number"))
    assert pipe.reading.read(1000) == b"a log record could not be formatted\n"


def test_a_closed_stderr_fails_nobody(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe.reading.close()
    pipe.handler.handle(record("nobody reads"))
    pipe.writing.close()
    pipe.handler.handle(record("nothing to write to"))
    for stream in (None, StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        StderrHandler().handle(record("no stderr at all"))


def test_a_full_disk_fails_nobody() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this machine has no /dev/full")
    with full.open("wb", 0) as file:
        StderrHandler(file.fileno()).handle(record("no room"))


def test_in_the_background_every_line_arrives_whole_and_in_order(pipe: Pipe) -> None:
    pipe.handler.write_in_background()
    pipe.read_on()
    for number in range(2000):
        pipe.handler.handle(record(f"line {number}"))
    pipe.handler.flush()
    lines = [json.loads(line)["message"] for line in pipe.all().splitlines()]
    assert lines == [f"line {number}" for number in range(2000)]


def test_a_reader_that_stalls_holds_nobody_up_and_the_loss_is_told(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logs, "_MOST_WAITING", 100)
    pipe.handler.write_in_background()
    # Far more than a pipe holds: were this thread to write, it would never come back.
    for _ in range(20_000):
        pipe.handler.handle(record("x" * 1000))
    with caplog.at_level(logging.WARNING):
        pipe.read_on()
        pipe.handler.flush()
        pipe.handler.flush()
        assert 100 <= pipe.all().count(b"\n") < 20_000
    assert "log lines were lost" in caplog.text


@pytest.mark.parametrize(("chosen", "formatter"), [("json", JsonFormatter), ("text", TextFormatter)])
def test_the_format_is_the_one_chosen(chosen: logs.Format, formatter: type) -> None:
    assert logs.configuration(chosen, "info")["formatters"]["line"]["()"] is formatter


@pytest.mark.parametrize(("terminal", "formatter"), [(True, TextFormatter), (False, JsonFormatter)])
def test_by_default_people_get_text_and_programs_json(
    terminal: bool, formatter: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert logs.configuration("auto", "info")["formatters"]["line"]["()"] is formatter
