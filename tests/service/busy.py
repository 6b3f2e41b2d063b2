"""A service whose computing thread is held at a request, so that others wait."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event
from typing import Any

import pytest

from service.asgi import Application
from tests.conftest import golden
from tests.exchange import Exchange

PREDICT = "/models/mnist/predict"
LONG_S = 60


def predict(request_id: str = "mine", path: str = PREDICT, **headers: str) -> Exchange:
    sent = {"X-Request-ID": request_id} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange("POST", path, golden(), headers=sent)


async def until(condition: Callable[[], bool]) -> None:
    latest = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < latest
        await asyncio.sleep(0.001)


class Gate:
    """Holds the computing thread at a request until it is opened; notes the requests that are computed, by their id."""

    def __init__(self, application: Application) -> None:
        self._flask = application.flask.wsgi_app
        self.opened = Event()
        self.computed: list[str] = []

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Flask's, once the gate is open."""
        if environ["REQUEST_METHOD"] == "POST":
            self.computed.append(environ["HTTP_X_REQUEST_ID"])
            assert self.opened.wait(LONG_S)
        return self._flask(environ, start_response)


@asynccontextmanager
async def busy(application: Application, monkeypatch: pytest.MonkeyPatch, **headers: str) -> AsyncIterator[Gate]:
    """All turns are taken, until the gate is opened or the block ends."""
    gate = Gate(application)
    with monkeypatch.context() as patch:
        patch.setattr(application.flask, "wsgi_app", gate.wsgi_app)
        while not gate.computed:  # a service that refuses soon may refuse this one too
            exchange = predict("first", **headers)
            first = asyncio.create_task(exchange.run(application))
            await until(lambda: bool(gate.computed) or first.done())  # noqa: B023
            assert gate.computed or exchange.status == 429
        try:
            yield gate
        finally:
            gate.opened.set()
            await first
