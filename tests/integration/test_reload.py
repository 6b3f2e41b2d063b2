"""Versions come, go and change under load: every request is answered, by a version that was right at that moment."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import golden
from tests.integration.load import Answer, Load
from tests.integration.server import Server, running
from tests.publishing import change, label, publish, spoil

LATEST, STABLE, FIRST = (f"/models/mnist{below}/predict" for below in ("", "/labels/stable", "/versions/1"))
WORKERS = 2
_DEADLINE_S = 120


class History:
    """Which versions were right for an address, and when."""

    def __init__(self, **right: int) -> None:
        self._right = [(time.monotonic(), {path: {version} for path, version in right.items()})]

    @contextmanager
    def becomes(self, **right: int) -> Iterator[None]:
        """In the block either is right, from its end on the new version alone."""
        before = self._right[-1][1]
        either = {path: versions | {right.get(path, *versions)} for path, versions in before.items()}
        self._right.append((time.monotonic(), either))
        yield
        self._right.append((time.monotonic(), before | {path: {version} for path, version in right.items()}))

    def allows(self, answer: Answer) -> bool:
        """Whether its version was right at some moment between question and answer."""
        ends = [began for began, _ in self._right[1:]] + [float("inf")]
        held = [right for (began, right), end in zip(self._right, ends, strict=True)
                if began <= answer.ended and answer.began <= end]  # fmt: skip
        return answer.version in set().union(*(right[answer.path] for right in held))


def wait(server: Server, until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not until():
        assert server.process.poll() is None and time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.02)


def every_worker_says(server: Server, text: str) -> None:
    """Waits until each worker has logged a line with this text."""
    wait(server, lambda: server.log.read_text().count(text) == WORKERS)


def counted(server: Server, version: int, outcome: str) -> bool:
    """Whether that became of a version in every worker."""
    line = f'squint_model_loads_total{{model="mnist",outcome="{outcome}",version="{version}"}} {WORKERS}.0'
    return line in server.get("/metrics")[1]


@pytest.fixture(params=["litert", "tensorflow"])
def server(request: pytest.FixtureRequest, tmp_path: Path, models_dir: Path) -> Iterator[Server]:
    """mnist/1, labelled stable, and workers that look ten times a second."""
    if request.param == "tensorflow":
        pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    label(models_dir, stable=1)
    settings = {"models_dir": models_dir, "engine": request.param, "workers": WORKERS, "poll_interval_s": 0.1}
    settings["log_format"] = "text"
    with running(tmp_path / "log", **settings) as ready:
        wait(ready, lambda: counted(ready, 1, "loaded"))
        yield ready


def test_nobody_sees_an_error_while_versions_and_labels_change(server: Server, models_dir: Path) -> None:
    home = models_dir / "mnist"
    right = History(**{LATEST: 1, STABLE: 1, FIRST: 1})

    def step(change_it: Callable[[], object], said: str, **now: int) -> None:
        with right.becomes(**now):
            change_it()
            every_worker_says(server, said)
        load.goes_on()

    with Load(server, (LATEST, STABLE, FIRST), golden(), threads=4).running() as load:
        load.goes_on()
        step(lambda: publish(models_dir, 2), "version loaded: mnist/2", **{LATEST: 2})
        step(lambda: label(models_dir, stable=2), 'version labels of mnist: {"stable": 2}', **{STABLE: 2})
        step(lambda: publish(models_dir, 3, spoiled=True), f"version not served: {home}/3/model.tflite")
        step(lambda: publish(models_dir, 4), "version loaded: mnist/4", **{LATEST: 4})
        step(lambda: label(models_dir, stable=9), "version labels not taken")
        step(lambda: label(models_dir, stable=4, old=1), '{"stable": 4, "old": 1}', **{STABLE: 4})
        step(lambda: label(models_dir, stable=2, old=1), '{"stable": 2, "old": 1}', **{STABLE: 2})
        step(lambda: shutil.rmtree(home / "4"), "version removed: mnist/4", **{LATEST: 2})
        step(lambda: spoil(home / "2"), f"version not served: {home}/2/model.tflite")
        step(lambda: change(home / "1", temperature=2.0), "version loaded: mnist/1")
    assert [answer for answer in load.answers if answer.status != 200] == []
    assert [answer for answer in load.answers if not right.allows(answer)] == []
    served = {path: {one.version for one in load.answers if one.path == path} for path in (LATEST, STABLE, FIRST)}
    assert served == {LATEST: {1, 2, 4}, STABLE: {1, 2, 4}, FIRST: {1}}
    described = json.loads(server.get("/models/mnist")[1])
    assert described["states"] == {"1": "loaded", "2": "loaded", "3": "fault"}
    assert sorted(described["faults"]) == ["2", "3"] and described["version_labels"] == {"stable": 2, "old": 1}
    assert server.get("/readyz")[0] == 200 and "Traceback" not in server.log.read_text()


def test_metrics_tell_what_every_worker_did(server: Server, models_dir: Path) -> None:
    publish(models_dir, 2)
    wait(server, lambda: counted(server, 2, "loaded"))
    publish(models_dir, 3, spoiled=True)
    wait(server, lambda: counted(server, 3, "failed"))
    text = server.get("/metrics")[1]
    for version, ready in ((1, 1), (2, 1), (3, 0)):
        assert f'squint_model_version_ready{{model="mnist",version="{version}"}} {ready}.0' in text
