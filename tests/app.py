"""The service's application in this process, without a server."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import quote

from flask import Flask
from werkzeug.datastructures import EnvironHeaders
from werkzeug.test import Client

from service.app import create_application
from service.asgi import Application
from service.inference.registry import Registry
from service.settings import Settings
from tests.exchange import Exchange

Result = TypeVar("Result")


@dataclass(frozen=True)
class App:
    """An application; its clients' requests pass through limits, keys and admission before they reach Flask."""

    application: Application

    @property
    def flask(self) -> Flask:
        """The Flask application inside."""
        return self.application.flask

    def test_client(self) -> Client:
        """A client with the interface of Flask's."""
        return Client(self.wsgi)

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """The application as a WSGI one, for clients and tools that know only these."""
        exchange = _exchange(environ)
        run(exchange.run(self.application))
        start_response(f"{exchange.status.value} {exchange.status.phrase}", list(exchange.header_list))
        return [exchange.body]


def _exchange(environ: dict[str, Any]) -> Exchange:
    """The request of a WSGI environ; a body that is shorter than its Content-Length ends with a disconnect."""
    length, path = int(environ.get("CONTENT_LENGTH") or 0), environ["PATH_INFO"].encode("latin-1")
    body = environ["wsgi.input"].read() if length else b""
    headers = dict(EnvironHeaders(environ))
    if not length and environ["REQUEST_METHOD"] != "POST":
        headers.pop("Content-Length", None)
    exchange = Exchange(
        environ["REQUEST_METHOD"], path.decode("utf-8", "replace"), *([body] if body else ()), headers=headers,
        is_complete=len(body) >= length, query=environ["QUERY_STRING"], raw_path=quote(path).encode(),
    )  # fmt: skip
    if len(body) < length:
        exchange.leave()
    return exchange


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine returns; on one event loop for all, because an application belongs to a loop."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """An event loop that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, daemon=True).start()
    return loop


def app_of(registry: Registry, **settings: object) -> App:
    """An app over a registry."""
    return App(create_application(Settings(**settings), registry))  # type: ignore[arg-type]


def app_over(models_dir: Path, **settings: object) -> App:
    """An app whose models have been loaded."""
    app = loading_app(models_dir, **settings)
    app.application.registry.load()
    return app


def loading_app(models_dir: Path, **settings: object) -> App:
    """An app whose models are still being loaded."""
    settings = {"models_dir": models_dir, "engine": "auto"} | settings
    return app_of(Registry(models_dir, settings["engine"], threads=1), **settings)  # type: ignore[arg-type]
