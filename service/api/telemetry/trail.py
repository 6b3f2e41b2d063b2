"""What becomes known of a request on its way: times of stages, model, answer; metrics, log and answer read it."""

import time

from flask import Flask, Request, Response, g, has_request_context, request

from service.api import arrival

# Where a predicted picture's time goes, in the order it goes there; "queue" is the wait for a turn to compute.
STAGES = ("queue", "decode", "prepare", "infer")
# The route of what was answered before one was looked for.
UNROUTED = "unrouted"
# That of a path that no rule has.
UNMATCHED = "unmatched"
# A log line and a header are no place for the labels of a whole batch.
_MOST_LABELS = 5


class Stage:
    """The time of a block; a class, for a generator would cost each request more."""

    def __init__(self, stages_s: dict[str, float], name: str, before_s: float) -> None:
        self._stages_s, self._name, self._before_s = stages_s, name, before_s
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter() - self._before_s

    def __exit__(self, *_: object) -> None:
        self._stages_s[self._name] = self._stages_s.get(self._name, 0.0) + time.perf_counter() - self._started


class Trail:
    """One request's; written by its own thread only."""

    def __init__(self, method: str = "", route: str = UNMATCHED, bytes_in: int | None = None) -> None:
        self.method, self.bytes_in = method, bytes_in
        self.route = route
        """The rule that the request matched, not its path: paths are the callers' and without number."""
        self.waited_s = arrival.waited_s()
        """How long it had waited to be begun."""
        self.started = time.perf_counter() - self.waited_s
        self.total_s = 0.0
        self.stages_s: dict[str, float] = {}
        self.model: str | None = None
        self.version: int | None = None
        self.pictures = 0
        self.labels: list[str] = []
        self.code: str | None = None

    def stage(self, name: str, before_s: float = 0.0) -> "Stage":
        """Adds the time of the block after `with`, and what passed before it, to a stage, also if the block raises."""
        return Stage(self.stages_s, name, before_s)

    def asked(self, model: str, version: int, pictures: int) -> None:
        """Notes which version is to predict how many pictures."""
        self.model, self.version, self.pictures = model, version, pictures

    def answered(self, label: str) -> None:
        """Notes the label of one picture; of many only the first few."""
        if len(self.labels) < _MOST_LABELS:
            self.labels.append(label)


def current() -> Trail:
    """That of the request being answered; outside of one a new trail that nobody reads."""
    if not has_request_context():
        return Trail()
    noted: Trail | None = g.get("trail")
    return noted or _start()


def init_app(app: Flask) -> None:
    """Starts each request's trail; ends it before metrics and log read it, and tells the times in `Server-Timing`.

    To be called before all that answers requests, and after all that reads the total.
    """
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    _start()


def _start() -> Trail:
    # Flask's names for them look them up at each use.
    asked: Request = request._get_current_object()  # type: ignore[attr-defined]
    rule = asked.url_rule
    g.trail = noted = Trail(asked.method, rule.rule if rule else UNMATCHED, asked.content_length)
    return noted


def _end(response: Response) -> Response:
    noted = current()
    noted.total_s = time.perf_counter() - noted.started
    if noted.stages_s:
        response.headers["Server-Timing"] = server_timing(noted)
    return response


def server_timing(trail: Trail) -> str:
    """The stages and the total in milliseconds, as the header of that name has them."""
    times = {name: trail.stages_s[name] for name in STAGES if name in trail.stages_s} | {"total": trail.total_s}
    return ", ".join(f"{name};dur={seconds * 1000:.3f}" for name, seconds in times.items())
