"""Flask and the SavedModel's signature under gunicorn."""

from flask import Flask

from benchmarks.peers import mnist
from benchmarks.peers.flask_app import build


def create_app() -> Flask:
    """What gunicorn's workers call."""
    return build(mnist.Classifier(mnist.savedmodel()))
