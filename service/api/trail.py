"""What becomes known of a request on its way: times of stages, model, answer; metrics, log and answer read it."""

import time

from flask import Flask, Response, g, has_request_context, request

# Where a predicted picture's time goes, in the order it goes there; "queue" is the wait for a turn to compute.
STAGES = ("queue", "decode", "prepare", "infer")
# The route of what was answered before one was looked for.
UNROUTED = "unrouted"
# A log line and a header are no place for the labels of a whole batch.
_MOST_LABELS = 5


class Stage:
    """The time of a block; a class, for a generator would cost each request more."""

    def __init__(self, stages_s: dict[str, float], name: str) -> None:
        self._stages_s, self._name = stages_s, name
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._stages_s[self._name] = self._stages_s.get(self._name, 0.0) + time.perf_counter() - self._started


class Trail:
    """One request's; written by its own thread only."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.total_s = 0.0
        self.stages_s: dict[str, float] = {}
        self.model: str | None = None
        self.version: int | None = None
        self.pictures = 0
        self.labels: list[str] = []
        self.code: str | None = None

    def stage(self, name: str) -> "Stage":
        """Adds the time of the block after `with` to a stage, also if the block raises."""
        return Stage(self.stages_s, name)

    def asked(self, model: str, version: int, pictures: int) -> None:
        """Notes which version is to predict how many pictures."""
        self.model, self.version, self.pictures = model, version, pictures

    def answered(self, label: str) -> None:
        """Notes the label of one picture; of many only the first few."""
        if len(self.labels) < _MOST_LABELS:
            self.labels.append(label)


def current() -> Trail:
    """That of the request being answered; outside of one a new trail that nobody reads."""
    if has_request_context():
        if "trail" not in g:
            g.trail = Trail()
        trail: Trail = g.trail
        return trail
    return Trail()


def init_app(app: Flask) -> None:
    """Starts each request's trail; ends it before metrics and log read it, and tells the times in `Server-Timing`.

    To be called before all that answers requests, and after all that reads the total.
    """
    app.before_request(_start)
    app.after_request(_end)


def _start() -> None:
    g.trail = Trail()


def _end(response: Response) -> Response:
    trail = current()
    trail.total_s = time.perf_counter() - trail.started
    if trail.stages_s:
        response.headers["Server-Timing"] = server_timing(trail)
    return response


def server_timing(trail: Trail) -> str:
    """The stages and the total in milliseconds, as the header of that name has them."""
    times = {name: trail.stages_s[name] for name in STAGES if name in trail.stages_s} | {"total": trail.total_s}
    return ", ".join(f"{name};dur={seconds * 1000:.3f}" for name, seconds in times.items())


def route() -> str:
    """The rule that the request matched, not its path: paths are the callers' and without number."""
    return request.url_rule.rule if request.url_rule else "unmatched"
