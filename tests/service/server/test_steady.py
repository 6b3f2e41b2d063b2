"""The service measures time by a clock that nobody sets."""

import ast
import time
from pathlib import Path

import pytest
from gunicorn import arbiter

from service.server import steady
from tests.conftest import REPOSITORY

# Where the date itself is told.
_DATES = {"service/api/telemetry/metrics.py": 1}


def test_gunicorns_parent_does_not_heed_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arbiter, "time", time)
    steady.install()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    before = arbiter.time.time()
    arbiter.time.sleep(0)
    assert 0 < before <= arbiter.time.time() <= arbiter.time.monotonic()


@pytest.mark.parametrize("file", sorted((REPOSITORY / "service").rglob("*.py")), ids=lambda file: file.name)
def test_the_wall_clock_is_read_only_to_tell_the_date(file: Path) -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("time.time", "datetime.now", "date.today")
    ]
    assert len(calls) == _DATES.get(str(file.relative_to(REPOSITORY)), 0)
