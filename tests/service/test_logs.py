"""Log lines are JSON or text, and writing one neither fails nor blocks its caller: read from a program's stderr."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SETUP = """
import logging, logging.config, os, sys, threading
from service import logs
logging.config.dictConfig(logs.configuration({chosen!r}, "info"))
log = logging.getLogger("service.test")
"""
QUEUED = "flush = logs.start_background()\n"
# More lines than queue and pipe hold together.
FLOOD = QUEUED + f"for number in range(2 * logs.MAX_QUEUED_LINES): log.info('%d %s', number, {'x' * 100!r})\n"
START = [sys.executable, "-c"]


def stderr_of(code: str, chosen: str = "json") -> str:
    """What a program writes to stderr that logs by `code`."""
    done = subprocess.run([*START, SETUP.format(chosen=chosen) + code], capture_output=True, check=True, timeout=60)
    return done.stderr.decode()


def lines_of(code: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stderr_of(code).splitlines()]


BOTH = pytest.mark.parametrize("started", ["", QUEUED], ids=["direct", "queued"])


@BOTH
def test_a_record_is_one_json_object(started: str) -> None:
    (line,) = lines_of(started + "log.warning('two\\nlines of %d', os.getpid())")
    assert list(line) == ["time", "level", "logger", "process", "message"]
    assert (line["level"], line["logger"]) == ("warning", "service.test")
    assert line["message"] == f"two\nlines of {line['process']}"


def test_the_time_is_utc_with_milliseconds() -> None:
    record = "logging.makeLogRecord({'name': 'service.test', 'levelno': 20, 'created': 1700000000.25, 'msecs': 250.0})"
    (line,) = lines_of(f"log.handle({record})")
    assert line["time"] == "2023-11-14T22:13:20.250Z"


@BOTH
def test_fields_stand_in_place_of_logger_process_and_message(started: str) -> None:
    fields = {"message": "request", "status": 200, "labels": ["7"], "note": 'a "quoted"\nline', "path": None}
    (line,) = lines_of(started + f"log.info('GET / 200', extra={{'fields': {fields!r}}})")
    assert list(line) == ["time", "level", *fields]
    assert {name: line[name] for name in fields} == fields and line["level"] == "info"


@BOTH
def test_an_exception_is_a_field_of_its_line(started: str) -> None:
    (line,) = lines_of(started + "try: 1 / 0\nexcept ZeroDivisionError: log.exception('failed')\n")
    assert (line["level"], line["message"]) == ("error", "failed")
    assert line["exception"].startswith("Traceback") and "ZeroDivisionError" in line["exception"]


def test_an_exception_stands_below_its_line_of_text() -> None:
    text = stderr_of("try: 1 / 0\nexcept ZeroDivisionError: log.exception('failed')\n", "text").splitlines()
    assert text[0].endswith("error: failed") and text[1].startswith("Traceback")


def test_text_is_the_message_and_names_only_levels_above_info() -> None:
    code = "log.info('GET / 200', extra={'fields': {'status': 200}}); log.warning('%s', 'careful')"
    first, second = stderr_of(code, "text").splitlines()
    assert first.split(" ", 1)[1] == "GET / 200" and second.split(" ", 1)[1] == "warning: careful"


@BOTH
def test_non_ascii_text_and_lone_surrogates_are_logged(started: str) -> None:
    code = started + "log.info('Zürich \\udcff 東', extra={'fields': {'message': 'Zürich \\udcff 東'}})"
    assert lines_of(code)[0]["message"] == "Zürich \udcff 東"
    assert stderr_of(code, "text").endswith(" Zürich \\udcff 東\n")


@BOTH
def test_values_that_json_does_not_know_are_written_as_text(started: str) -> None:
    (line,) = lines_of(started + "log.info('', extra={'fields': {'value': object()}})")
    assert "object" in line["value"]


@BOTH
def test_a_record_that_cannot_be_formatted_is_an_error_line(started: str) -> None:
    first, second = lines_of(started + "log.info('%d', 'no number'); log.info('next')")
    assert first["level"] == "error" and first["message"].startswith("a log record could not be formatted: ")
    assert second["message"] == "next"


def test_queued_lines_of_many_threads_are_whole_and_in_order_when_the_program_ends() -> None:
    code = """
def count(thread):
    for number in range(500):
        log.info("", extra={"fields": {"thread": thread, "number": number}})
threads = [threading.Thread(target=count, args=(thread,)) for thread in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    lines = lines_of(QUEUED + code)
    for thread in range(4):
        assert [line["number"] for line in lines if line["thread"] == thread] == list(range(500))


def test_flush_writes_what_a_process_has_queued_before_a_signal_ends_it() -> None:
    code = "for number in range(500): log.info('%d', number)\nflush(); os.kill(os.getpid(), 9)"
    command = [*START, SETUP.format(chosen="json") + QUEUED + code]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert [json.loads(line)["message"] for line in done.stderr.splitlines()] == [str(n) for n in range(500)]


def test_a_reader_that_never_reads_blocks_neither_the_callers_nor_the_end() -> None:
    command = [*START, SETUP.format(chosen="json") + FLOOD]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.wait(timeout=60) == 0


def test_dropped_lines_are_counted_once_the_reader_reads_again() -> None:
    command = [*START, SETUP.format(chosen="json") + FLOOD + "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin and process.stdout and process.stderr
        assert process.stdout.readline() == b"\n"
        read = []
        while "were dropped" not in (line := json.loads(process.stderr.readline())["message"]):
            read.append(int(line.split()[0]))
        process.communicate(b"\n", timeout=60)
    dropped = int(line.split()[0])
    assert dropped > 0 and len(read) + dropped == 20_000
    assert read == sorted(set(read))


@BOTH
@pytest.mark.parametrize("close", ["os.close(2)", "sys.stderr.close()", "sys.stderr = None", "os.dup2(unread, 2)"])
def test_a_closed_stderr_fails_nobody(started: str, close: str) -> None:
    code = f"read, unread = os.pipe(); os.close(read); {close}\nfor _ in range(5): log.error('lost')\nprint('went on')"
    command = [*START, SETUP.format(chosen="json") + started + code]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"went on\n", b"")


@BOTH
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this machine has no /dev/full")
def test_a_full_disk_fails_nobody(started: str) -> None:
    code = "log.error('lost'); print('went on')"
    with Path("/dev/full").open("wb") as full:
        command = [*START, SETUP.format(chosen="json") + started + code]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, check=True, timeout=60)
    assert done.stdout == b"went on\n"


@BOTH
def test_a_full_pipe_that_does_not_block_fails_nobody(started: str) -> None:
    code = f"os.set_blocking(2, False)\nfor _ in range(2000): log.error({'x' * 100!r})\nprint('went on')"
    command = [*START, SETUP.format(chosen="json") + started + code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"went on\n"
        assert process.wait(timeout=60) == 0


def test_a_terminal_gets_text_by_default_and_a_pipe_json() -> None:
    code = SETUP.format(chosen="auto") + "log.info('ready')"
    terminal, program = os.openpty()
    subprocess.run([*START, code], stderr=program, check=True, timeout=60)
    text = os.read(terminal, 1000)
    os.close(terminal)
    os.close(program)
    assert text.strip().endswith(b" ready") and b"{" not in text
    assert json.loads(stderr_of("log.info('ready')", "auto"))["message"] == "ready"


def test_lines_of_gunicorn_uvicorn_and_warnings_have_the_same_format_and_access_lines_are_off() -> None:
    code = """
import warnings
from gunicorn.config import Config
from gunicorn.glogging import Logger
config = Config()
config.set("logconfig_dict", logs.configuration("json", "info"))
for _ in range(2):  # again, as at a reload
    gunicorn = Logger(config)
    for copy, kind in (("uvicorn.error", gunicorn.error_log), ("uvicorn.access", gunicorn.access_log)):
        logging.getLogger(copy).handlers = kind.handlers
        logging.getLogger(copy).propagate = False
gunicorn.info("Booting")
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
logging.getLogger("gunicorn.access").info("GET /")
assert not logging.getLogger("uvicorn.access").hasHandlers()
logging.captureWarnings(True)
warnings.warn("careful")
"""
    assert [(line["logger"], line["level"]) for line in lines_of(code)] == [
        ("gunicorn.error", "info"),
        ("uvicorn.error", "warning"),
        ("py.warnings", "warning"),
    ]
