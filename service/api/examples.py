"""Pictures to try a model with: the golden ones of the version that is asked."""

from pathlib import PurePosixPath

from flask import Blueprint, Response, jsonify, request

from service.errors import UnknownExample
from service.inference.classifier import Classifier
from service.inference.registry import Registry


class Examples:
    """The examples of the loaded models."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def blueprint(self) -> Blueprint:
        """The routes below `/models/<name>/examples` and `/models/<name>/versions/<n>/examples`."""
        routes = Blueprint("examples", __name__)
        for path, suffix in (("/models/<name>", ""), ("/models/<name>/versions/<int:version>", "_version")):
            routes.add_url_rule(f"{path}/examples", f"examples{suffix}", self.examples)
            routes.add_url_rule(f"{path}/examples/<int:index>.png", f"example{suffix}", self.example)
        return routes

    def examples(self, name: str, version: int | None = None) -> Response:
        """The number of each example and what the model makes of it."""
        classifier = self._registry.get(name, version)
        manifest = classifier.manifest
        listed = [{"index": index, "label": _label(classifier, index)} for index in _indices(classifier)]
        return jsonify(model=manifest.name, version=manifest.version, examples=listed)

    def example(self, name: str, index: int, version: int | None = None) -> Response:
        """One picture, as it lies in the version's folder."""
        classifier = self._registry.get(name, version)
        response = Response(_content(classifier, index), mimetype="image/png")
        response.headers["Cache-Control"] = "no-cache"
        response.add_etag()
        response.make_conditional(request)
        return response


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
