"""Probes: is the process alive, and may it be sent requests."""

from flask import Blueprint, Response, jsonify

from service.api.door import Door
from service.errors import NotReady
from service.inference.registry import Registry


def blueprint(registry: Registry, door: Door) -> Blueprint:
    """`/livez` does no work at all; `/readyz` is 200 once every model answered its golden pictures, until SIGTERM."""
    routes = Blueprint("health", __name__)
    routes.add_url_rule("/livez", view_func=_live, endpoint="livez")
    routes.add_url_rule("/readyz", view_func=lambda: _ready(registry, door), endpoint="readyz")
    return routes


def _live() -> Response:
    return jsonify(status="live")


def unready(registry: Registry, door: Door) -> str | None:
    """Why no new requests should be sent, in a sentence."""
    if door.closing:
        return "the service is stopping; it still answers what it has accepted"
    return registry.unready()


def _ready(registry: Registry, door: Door) -> Response:
    if reason := unready(registry, door):
        raise NotReady(reason)
    return jsonify(status="ready")
