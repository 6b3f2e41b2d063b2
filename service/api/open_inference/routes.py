"""`/v2/…`: the Open Inference Protocol, as KServe's, Triton's and MLServer's clients speak it."""

from flask import Blueprint, Response, jsonify, request

from service.api import json_documents, telemetry
from service.api.computing import Computing
from service.api.encoding import compress, read_body
from service.api.json_documents import Document
from service.api.open_inference import answers, infer_request
from service.api.open_inference.infer_request import LENGTH_HEADER, IndexBody
from service.inference.registry import Registry
from service.settings import Settings

# More than any such request has.
_MAX_VALUES = 1000


class OpenInference:
    """The protocol's views over the loaded models."""

    def __init__(self, registry: Registry, computing: Computing, settings: Settings) -> None:
        self._registry, self._computing, self._settings = registry, computing, settings

    def blueprint(self) -> Blueprint:
        """The routes below `/v2`."""
        routes = Blueprint("open_inference", __name__)
        routes.after_request(compress)
        for path, endpoint in (("/v2", "server"), ("/v2/", "server_slash")):
            routes.add_url_rule(path, endpoint, self.server)
        routes.add_url_rule("/v2/models", view_func=self.models)
        for path, suffix in (("/v2/models/<name>", ""), ("/v2/models/<name>/versions/<int:version>", "_version")):
            self._add_model(routes, path, suffix)
        routes.add_url_rule("/v2/repository/index", view_func=self.index, methods=["POST"])
        routes.add_url_rule("/v2/repository/<repository>/index", "index_named", self.index, methods=["POST"])
        return routes

    def _add_model(self, routes: Blueprint, path: str, suffix: str) -> None:
        routes.add_url_rule(path, f"model{suffix}", self.model)
        routes.add_url_rule(f"{path}/ready", f"model_ready{suffix}", self.model_ready)
        routes.add_url_rule(f"{path}/config", f"config{suffix}", self.config)
        routes.add_url_rule(f"{path}/infer", f"infer{suffix}", self.infer, methods=["POST"])

    def server(self) -> Response:
        """What this server is and which extensions it has."""
        return jsonify(answers.server())

    def models(self) -> Response:
        """The names of the models."""
        return jsonify(models=list(self._registry.models()))

    def model(self, name: str, version: int | None = None) -> Response:
        """A version's tensors."""
        return jsonify(answers.model_metadata(self._registry.model(name), self._registry.get(name, version)))

    def model_ready(self, name: str, version: int | None = None) -> Response:
        """Whether a version answers."""
        return jsonify(name=self._registry.get(name, version).manifest.name, ready=True)

    def config(self, name: str, version: int | None = None) -> Response:
        """A version's configuration in Triton's words."""
        return jsonify(answers.model_config(self._registry.get(name, version), self._settings.max_images))

    def infer(self, name: str, version: int | None = None) -> Response:
        """The outputs that the request names, one row an image; all images or none."""
        classifier, settings = self._registry.get(name, version), self._settings
        body = read_body(request, settings.max_request_bytes)
        header = request.headers.get(LENGTH_HEADER)
        sent = infer_request.read(body, header, classifier.manifest, settings.max_images)
        if sent.timeout_s:
            telemetry.current().limit_time(sent.timeout_s)
        computed = self._computing.predict(classifier, sent.inputs)
        answer = answers.inference(sent, classifier.manifest, [one.prediction for one in computed])
        if not answer.tail:
            return Response(answer.head + b"\n", mimetype="application/json")
        length = {LENGTH_HEADER: str(len(answer.head))}
        return Response(answer.head + answer.tail, mimetype="application/octet-stream", headers=length)

    def index(self, repository: str = "") -> Response:
        """Every version on disk and its state; there is one repository, whatever it is called."""
        only_ready = infer_request.validated(IndexBody, self._sent()).ready
        return jsonify(answers.repository_index(self._registry.models(), only_ready))

    def _sent(self) -> Document:
        """The body of a request about the repository, which may be empty."""
        body = read_body(request, self._settings.max_request_bytes)
        return json_documents.parse(body or b"{}", _MAX_VALUES)
