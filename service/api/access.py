"""Which role each route needs, where keys are asked for at all."""

from collections.abc import Mapping
from typing import Literal

from flask import Flask, Response, g, request
from werkzeug.datastructures import WWWAuthenticate

from service import keys
from service.api.problems import problem
from service.keys import KeyFile, Role

OPEN: Literal["open"] = "open"

# By the beginning of the rule, whole segments; the longest counts. What is not here is answered to nobody.
_NEEDED: Mapping[str, Role | Literal["open"]] = {
    "/": OPEN,
    "/static": OPEN,
    "/docs": OPEN,
    "/openapi.json": OPEN,
    "/openapi.yaml": OPEN,
    "/livez": OPEN,
    "/readyz": OPEN,
    "/v2/health": OPEN,
    "/metrics": "metrics",
    "/models": "predict",
    "/v1": "predict",
    "/v2": "predict",
}


def needed(rule: str) -> Role | Literal["open"] | None:
    """The role that a route's rule needs; None if nobody said."""
    while rule and rule not in _NEEDED:
        rule = rule.rpartition("/")[0]
    return _NEEDED.get(rule)


def init_app(app: Flask, file: KeyFile | None) -> None:
    """Has every route ask for a key of its role; nothing at all without a file."""
    if file:
        app.before_request(lambda: _check(file))


def _check(file: KeyFile) -> Response | None:
    # Nothing is there to be guarded: 404 or 405, or what OPTIONS tells of methods.
    if request.url_rule is None or request.method == "OPTIONS":
        return None
    role = needed(request.url_rule.rule)
    if role == OPEN:
        return None
    presented = _presented()
    key = keys.find(file.keys(), presented) if presented else None
    if key is None:
        return _unknown(presented)
    g.key_name = key.name
    if role is None or not key.may(role):
        return problem(403, "forbidden", f"the key {key.name} has not the role {role or 'that would allow this'}")
    return None


def _presented() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.headers.get("X-API-Key", "").strip() or None


def _unknown(presented: str | None) -> Response:
    told = "this key is not known" if presented else "a key is needed"
    response = problem(401, "unauthorized", f"{told}; send it as Authorization: Bearer KEY or as X-API-Key: KEY")
    response.www_authenticate = WWWAuthenticate("bearer")
    return response
