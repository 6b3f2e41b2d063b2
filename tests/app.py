"""The service's application in this process, without a server."""

from dataclasses import dataclass
from pathlib import Path

from a2wsgi import ASGIMiddleware
from flask import Flask
from werkzeug.test import Client

from service.app import create_application
from service.asgi import Application
from service.inference.registry import Registry
from service.settings import Settings


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
        return Client(ASGIMiddleware(self.application))  # type: ignore[arg-type]


def app_over(models_dir: Path, **settings: object) -> App:
    """An app whose models have been loaded."""
    chosen = Settings(models_dir=models_dir, **settings)  # type: ignore[arg-type]
    registry = Registry(models_dir, chosen.engine, threads=1)
    app = App(create_application(chosen, registry))
    registry.load()
    return app


def loading_app(models_dir: Path, **settings: object) -> App:
    """An app whose models are still being loaded."""
    chosen = Settings(models_dir=models_dir, **settings)  # type: ignore[arg-type]
    return App(create_application(chosen, Registry(models_dir, "auto", 1)))
