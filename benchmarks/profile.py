"""`python -m benchmarks.profile`: where the microseconds of one prediction go, in process, without sockets.

The app is the one that workers run, with metrics in files and log lines thrown away. Whatever it calls
before and after a request is found in Flask's own lists and timed from outside; the service knows nothing of it.
"""

import logging
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks import markdown, results
from benchmarks.results import Profile, Stage
from benchmarks.workloads import WORKLOADS, Form, body

if TYPE_CHECKING:
    from flask import Flask

_CALLS = 3000
_PATH = "/models/mnist/predict"
_NAMES = {
    "access": "keys",
    "cors": "headers",
    "headers": "headers",
    "trace": "request id and trace",
    "request_id": "request id and trace",
    "trail": "Server-Timing",
    "request_log": "log line",
    "metrics": "metrics",
}
Times = defaultdict[str, float]


def stages(calls: int = _CALLS) -> list[Stage]:
    """Median µs of each part over so many calls, then what is left for Flask and werkzeug, and the whole."""
    with tempfile.TemporaryDirectory() as folder:
        # Read by prometheus_client when it is imported, as gunicorn's workers do.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        measured = {form: _measure(form, calls) for form in ("raw", "multipart")}
    parts = list(dict.fromkeys([*measured["raw"], *measured["multipart"]]))
    return [
        Stage(part=part, raw_us=measured["raw"].get(part, 0.0), multipart_us=measured["multipart"].get(part, 0.0))
        for part in parts
    ]


def _measure(form: Form, calls: int) -> dict[str, float]:
    times: Times = defaultdict(float)
    app, each = _app(), []
    with _watched(app, times):
        for _ in range(calls + calls // 10):
            times.clear()
            started = time.perf_counter()
            _call(app, form)
            whole = time.perf_counter() - started
            each.append({**times, "Flask, werkzeug, admission": whole - sum(times.values()), "the whole": whole})
    kept = each[calls // 10 :]
    return {part: statistics.median(one.get(part, 0.0) for one in kept) * 1e6 for part in kept[-1]}


def _app() -> "Flask":
    from service import logs
    from service.app import build_app
    from service.inference.registry import Registry
    from service.settings import Settings

    handler = logs.StderrHandler(os.open(os.devnull, os.O_WRONLY))
    handler.setFormatter(logs.JsonFormatter())
    handler.write_in_background()
    logs.find_out_less()
    log = logging.getLogger("service")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
    settings = Settings(workers=2)
    registry = Registry(settings.models_dir, settings.engine, settings.computing_threads)
    app = build_app(settings, registry)
    registry.load("mnist")
    return app


def _call(app: "Flask", form: Form) -> None:
    content_type, data = body(form, WORKLOADS["png"].pictures())
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": _PATH,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(data)),
        "wsgi.input": BytesIO(data),
        "wsgi.errors": BytesIO(),
        "wsgi.url_scheme": "http",
    }
    b"".join(app(environ, _start_response))


def _start_response(status: str, headers: Any, error: Any = None) -> Callable[[bytes], None]:  # noqa: ANN401
    assert status == "200 OK", status
    return lambda data: None


@contextmanager
def _watched(app: "Flask", times: Times) -> Iterator[None]:
    """Has every part add its time to `times` while the block runs."""
    from service import answer
    from service.api import native, uploads
    from service.api.computing import Computing
    from service.api.telemetry.metrics import Metrics
    from service.inference.classifier import Classifier

    for functions in (app.before_request_funcs, app.after_request_funcs):
        for name, found in functions.items():
            functions[name] = [_timed(function, _part(function), times) for function in found]
    places: list[tuple[Any, str, str]] = [
        (uploads, "read", "body or multipart"),
        (Computing, "_decode", "decode"),
        (Classifier, "prepare", "prepare"),
        (Classifier, "classify", "inference"),
        (Metrics, "count_predictions", "metrics"),
        (answer, "of", "answer"),
        (native, "jsonify", "answer"),
    ]
    kept = [(place, name, getattr(place, name)) for place, name, _ in places]
    for place, name, part in places:
        setattr(place, name, _timed(getattr(place, name), part, times))
    try:
        yield
    finally:
        for place, name, function in kept:
            setattr(place, name, function)


def _part(function: Callable[..., Any]) -> str:
    module = function.__module__.rpartition(".")[2]
    return _NAMES.get(module, "other of before and after")


def _timed(function: Callable[..., Any], part: str, times: Times) -> Callable[..., Any]:
    @wraps(function)
    def timed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        started = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            times[part] += time.perf_counter() - started

    return timed


def table(now: Profile, before: Profile | None = None) -> str:
    """The parts as rows of Markdown, the costliest first, the whole last; what was before in brackets."""
    past = {stage.part: stage for stage in before.stages} if before else {}
    rows = []
    for stage in [*sorted(now.stages[:-1], key=lambda stage: -stage.multipart_us), now.stages[-1]]:
        was = past.get(stage.part)
        raw, multipart = (f" ({was.raw_us:.0f})", f" ({was.multipart_us:.0f})") if was else ("", "")
        rows.append([stage.part, f"{stage.raw_us:.0f}{raw}", f"{stage.multipart_us:.0f}{multipart}"])
    return markdown.table(["µs of one request", "raw body", "multipart"], rows)


@click.command()
@click.option("--code", default=results.code, help="What is told of the code measured; by default its commit.")
@click.option("--calls", default=_CALLS, show_default=True)
@click.option("--to", type=click.Path(path_type=Path), help="Also stored there, for `benchmarks.compare --before`.")
def main(code: str, calls: int, to: Path | None) -> None:
    """Prints the table."""
    found = Profile(code=code, stages=stages(calls))
    click.echo(table(found))
    if to:
        results.write(to, found)


if __name__ == "__main__":
    main()
