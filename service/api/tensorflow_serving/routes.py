"""The paths below `/v1`: TensorFlow Serving's REST API, and KServe's first one, which lies on the same paths."""

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import numpy as np
from flask import Blueprint, Response, jsonify, request
from numpy.typing import NDArray

from service.api import json_documents, uploads
from service.api.computing import Computing, Input
from service.api.encoding import read_body
from service.api.json_documents import Document
from service.api.problems import RETRY_AFTER_S, RequestFault
from service.api.tensorflow_serving import instances
from service.api.tensorflow_serving.instances import Shape
from service.errors import UnknownLabel, UnknownModel, UnknownVersion
from service.inference.classifier import Classifier, Prediction
from service.inference.registry import Registry
from service.manifest import INPUT_NAME, LOGITS_NAME, OUTPUT_NAMES, PROBABILITIES_NAME, SIGNATURE, Manifest
from service.settings import Settings

_OURS = re.compile(r"/v1(?:/|$)")
_LARGEST_VERSION = 2**63 - 1

Take = Callable[[Document, Shape], list[Input]]


class TensorFlowServing:
    """The views of both protocols over the loaded models."""

    def __init__(self, registry: Registry, computing: Computing, settings: Settings) -> None:
        self._registry, self._computing, self._settings = registry, computing, settings

    def blueprint(self) -> Blueprint:
        """The routes below `/v1`; every other request there is malformed."""
        routes = Blueprint("tensorflow_serving", __name__)
        routes.before_app_request(_refuse_malformed)
        routes.add_url_rule("/v1/models", view_func=self.models)
        for chosen, suffix in (
            ("", ""),
            ("/versions/<digits:version>", "_version"),
            ("/labels/<name:label>", "_label"),
        ):
            path = f"/v1/models/<name:name>{chosen}"
            routes.add_url_rule(path, f"status{suffix}", self.status)
            routes.add_url_rule(f"{path}/metadata", f"metadata{suffix}", self.metadata)
            for verb, view in (("predict", self.predict), ("classify", self.classify)):
                routes.add_url_rule(f"{path}:{verb}", f"{verb}{suffix}", view, methods=["POST"])
        return routes

    def models(self) -> Response:
        """KServe's list of names."""
        return jsonify(models=list(self._registry.models()))

    def status(self, name: str, version: str | None = None, label: str | None = None) -> Response:
        """The state of every version of a model, or of one; 503 while none of these answers."""
        number = self._found(name, None, label).manifest.version if label else _number(version)
        states = self._states(name)
        if number is not None and number not in states:
            raise UnknownVersion(f"Could not find version {number} of model {name}")
        asked = [state for found, state in sorted(states.items()) if number in (None, found)]
        ready = any(state["state"] == "AVAILABLE" for state in asked)
        body = {"name": name, "ready": ready, "model_version_status": asked}
        return jsonify(body) if ready else _unavailable(body)

    def metadata(self, name: str, version: str | None = None, label: str | None = None) -> Response:
        """The signature of a version."""
        return jsonify(_metadata(self._found(name, version, label).manifest))

    def predict(self, name: str, version: str | None = None, label: str | None = None) -> Response:
        """Both outputs of the signature, in the format of the request."""
        classifier = self._found(name, version, label)
        document = self._document(classifier)
        if instances.are_rows(document):
            return jsonify(predictions=list(map(_outputs, self._computed(classifier, document, instances.rows))))
        rows = list(map(_outputs, self._computed(classifier, document, instances.columns)))
        return jsonify(outputs={name: [row[name] for row in rows] for name in OUTPUT_NAMES})

    def classify(self, name: str, version: str | None = None, label: str | None = None) -> Response:
        """The labels and their probabilities, which TF Serving has only for a signature of its own."""
        classifier = self._found(name, version, label)
        predictions = self._computed(classifier, self._document(classifier), instances.examples)
        scores = [_numbers(one.probabilities) for one in predictions]
        return jsonify(results=[list(zip(classifier.manifest.labels, row, strict=True)) for row in scores])

    def _found(self, name: str, version: str | None, label: str | None) -> Classifier:
        number = _number(version)
        try:
            return self._registry.get(name, number, label)
        except UnknownLabel as fault:
            raise RequestFault(fault.code, f"Unrecognized servable version label: {label}") from fault
        except (UnknownModel, UnknownVersion) as fault:
            wanted = f"Latest({name})" if number is None else f"Specific({name}, {number})"
            raise type(fault)(f"Servable not found for request: {wanted}") from fault

    def _states(self, name: str) -> dict[int, dict[str, Any]]:
        try:
            model = self._registry.model(name)
        except UnknownModel as fault:
            raise UnknownModel(f"Could not find any versions of model {name}") from fault
        faulty = {number: _state(number, "END", "FAILED_PRECONDITION", text) for number, text in model.faults.items()}
        return faulty | {number: _state(number, "AVAILABLE", "OK", "") for number in model.versions}

    def _document(self, classifier: Classifier) -> Document:
        """The request's body, of a size that fits the model, for the one signature there is."""
        most = json_documents.max_values(classifier.manifest.input.shape, self._settings.max_images)
        document = json_documents.parse(read_body(request, self._settings.max_request_bytes), most)
        name = document.get("signature_name", SIGNATURE)
        if not isinstance(name, str):
            raise RequestFault("bad_signature", "'signature_name' key must be a string value.")
        if name not in (SIGNATURE, ""):
            text = f"Serving signature name: {json_documents.shown(name)} not found in signature def"
            raise RequestFault("bad_signature", text)
        return document

    def _computed(self, classifier: Classifier, document: Document, take: Take) -> list[Prediction]:
        inputs = take(document, classifier.manifest.input.shape)
        uploads.check_count(len(inputs), self._settings.max_images)
        return [computed.prediction for computed in self._computing.predict(classifier, inputs)]


def _refuse_malformed() -> None:
    if request.routing_exception is not None and _OURS.match(request.path):
        raise RequestFault("malformed_request", f"Malformed request: {request.method} {request.path}")


def _number(version: str | None) -> int | None:
    if version is None:
        return None
    if len(version) > len(str(_LARGEST_VERSION)) or int(version) > _LARGEST_VERSION:
        raise RequestFault("bad_version", f"Failed to convert version: {version} to numeric.")
    return int(version)


def _state(number: int, state: str, code: str, text: str) -> dict[str, Any]:
    return {"version": str(number), "state": state, "status": {"error_code": code, "error_message": text}}


def _unavailable(body: dict[str, Any]) -> Response:
    """KServe's clients take 503 for not ready; those of TF Serving read the states."""
    response = jsonify(body | {"error": f"no version of model {body['name']} is available"})
    response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _metadata(manifest: Manifest) -> dict[str, Any]:
    """What TF Serving's `/metadata` says of the version's SavedModel."""
    # TensorFlow's names: the input's by the signature, the outputs' by their place in the order of the alphabet.
    image = _tensor("DT_UINT8", f"{SIGNATURE}_{INPUT_NAME}:0", manifest.input.shape)
    outputs = {
        name: _tensor("DT_FLOAT", f"StatefulPartitionedCall:{place}", [len(manifest.labels)])
        for place, name in enumerate(sorted(OUTPUT_NAMES))
    }
    method = "tensorflow/serving/predict"
    signature = {"inputs": {INPUT_NAME: image}, "outputs": outputs, "method_name": method, "defaults": {}}
    return {
        "model_spec": {"name": manifest.name, "signature_name": "", "version": str(manifest.version)},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
    }


def _tensor(dtype: str, name: str, sizes: Sequence[int]) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in (-1, *sizes)]
    return {"dtype": dtype, "tensor_shape": {"dim": dimensions, "unknown_rank": False}, "name": name}


def _outputs(prediction: Prediction) -> dict[str, list[float]]:
    """Both outputs of the signature."""
    return {PROBABILITIES_NAME: _numbers(prediction.probabilities), LOGITS_NAME: _numbers(prediction.logits)}


def _numbers(values: NDArray[np.float32]) -> list[float]:
    """With nine digits, which are all that a float32 holds."""
    return [float(f"{value:.9g}") for value in values.tolist()]
