"""`/models/…`: pictures in, labels and probabilities out; and pictures to try a model with."""

from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, Request, Response, jsonify, request

from service import answer
from service.api import uploads
from service.api.computing import Computing
from service.api.encoding import file_response
from service.api.problems import RequestFault
from service.errors import UnknownExample
from service.inference.classifier import Classifier
from service.inference.registry import Model, Registry
from service.inference.version_labels import FILE_NAME as LABELS_FILE
from service.settings import Settings


class Native:
    """The native API's views over the loaded models."""

    def __init__(self, registry: Registry, computing: Computing, settings: Settings) -> None:
        self._registry, self._computing, self._settings = registry, computing, settings

    def blueprint(self) -> Blueprint:
        """The routes below `/models`."""
        routes = Blueprint("native", __name__)
        routes.add_url_rule("/models", view_func=self.models)
        for below, suffix in (("", ""), ("/versions/<int:version>", "_version"), ("/labels/<label>", "_label")):
            path = f"/models/<name>{below}"
            routes.add_url_rule(path, f"model{suffix}", self.model)
            routes.add_url_rule(f"{path}/predict", f"predict{suffix}", self.predict, methods=["POST"])
        for path, suffix in (("/models/<name>", ""), ("/models/<name>/versions/<int:version>", "_version")):
            routes.add_url_rule(f"{path}/examples", f"examples{suffix}", self.examples)
            routes.add_url_rule(f"{path}/examples/<int:index>.png", f"example{suffix}", self.example)
        return routes

    def models(self) -> Response:
        """Every model: its name, its versions and the one that answers by default."""
        models = [_listed(name, model) for name, model in self._registry.models().items()]
        fault = self._registry.fault
        return jsonify({"models": models} | ({"fault": fault} if fault else {}))

    def model(self, name: str, version: int | None = None, label: str | None = None) -> Response:
        """One version in full, and the state of all."""
        model, classifier = self._registry.model(name), self._registry.get(name, version, label)
        return jsonify(_listed(name, model) | _states(model) | _described(classifier))

    def predict(self, name: str, version: int | None = None, label: str | None = None) -> Response:
        """One prediction a picture, in the order sent; all or none."""
        classifier = self._registry.get(name, version, label)
        # Flask's name for it looks the request up at each use.
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]
        top_k, seen = _options(asked, len(classifier.manifest.labels))
        files = uploads.read(asked, self._settings.max_images, self._settings.max_request_bytes)
        labels = classifier.manifest.labels
        answers = []
        for computed in self._computing.predict(classifier, files):
            answered = answer.of(labels, computed.prediction, top_k)
            answers.append(answered | ({"seen": answer.seen(computed.prepared)} if seen else {}))
        manifest = classifier.manifest
        return jsonify(model=manifest.name, version=manifest.version, predictions=answers)

    def examples(self, name: str, version: int | None = None) -> Response:
        """The number of each example and what the model makes of it."""
        classifier = self._registry.get(name, version)
        manifest = classifier.manifest
        listed = [{"index": index, "label": _label(classifier, index)} for index in _indices(classifier)]
        return jsonify(model=manifest.name, version=manifest.version, examples=listed)

    def example(self, name: str, index: int, version: int | None = None) -> Response:
        """One picture, as it lies in the version's folder."""
        classifier = self._registry.get(name, version)
        return file_response(_content(classifier, index), "image/png", {"Cache-Control": "no-cache"})


def _listed(name: str, model: Model) -> dict[str, Any]:
    # Not `labels`: those are the classes.
    listed = {
        "name": name,
        "version": max(model.versions, default=None),
        "versions": sorted(model.versions),
        "version_labels": dict(model.labels),
    }
    faults = {str(version): text for version, text in model.faults.items()}
    if model.labels_fault:
        faults[LABELS_FILE] = model.labels_fault
    return listed | ({"faults": faults} if faults else {})


def _states(model: Model) -> dict[str, Any]:
    """Every version on disk: `loaded` answers, `fault` does not."""
    numbers = sorted(model.versions.keys() | model.faults.keys())
    states = {str(number): "loaded" if number in model.versions else "fault" for number in numbers}
    return {"states": states}


def _described(classifier: Classifier) -> dict[str, Any]:
    manifest = classifier.manifest
    described = manifest.model_dump(
        mode="json",
        exclude_none=True,
        include={
            "version",
            "labels",
            "temperature",
            "calibration_images",
            "energy_threshold",
            "expects_drawings",
            "provenance",
        },
    )
    metrics = {name: facts.model_dump(exclude_none=True) for name, facts in manifest.engines.items()}
    return described | {
        "input": {"kind": manifest.kind, **manifest.input.model_dump()},
        "engine": classifier.engine,
        "metrics": metrics,
    }


def _options(request: Request, classes: int) -> tuple[int | None, bool]:
    """The query's `top_k` and `seen`."""
    return (_top_k(request, classes), _seen(request)) if request.query_string else (None, False)


def _top_k(request: Request, classes: int) -> int | None:
    text = request.args.get("top_k")
    if text is None:
        return None
    # isdecimal alone would take other scripts' digits; int() alone "+3", "1_0" and blanks.
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= classes):
        raise RequestFault("bad_top_k", f"top_k must be a whole number from 1 to {classes}, not {text!r}")
    return int(text)


def _seen(request: Request) -> bool:
    text = request.args.get("seen", "0")
    if text not in ("0", "1"):
        raise RequestFault("bad_seen", f"seen must be 0 or 1, not {text!r}")
    return text == "1"


def _indices(classifier: Classifier) -> list[int]:
    return [n for n, golden in enumerate(classifier.manifest.golden) if PurePosixPath(golden.file).suffix == ".png"]


def _label(classifier: Classifier, index: int) -> str:
    probabilities = classifier.manifest.golden[index].probabilities[classifier.engine]
    return classifier.manifest.labels[probabilities.index(max(probabilities))]


def _content(classifier: Classifier, index: int) -> bytes:
    manifest = classifier.manifest
    if index in _indices(classifier):
        try:
            return (classifier.folder / manifest.golden[index].file).read_bytes()
        except FileNotFoundError:
            pass  # a version may be served on after its folder was taken away
    raise UnknownExample(
        f"version {manifest.version} of model {manifest.name!r} has no example {index}; its list is one level up"
    )
