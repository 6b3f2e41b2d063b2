"""The Flask app that all Flask peers are: a raw body, multipart or base64 in JSON; nothing beside the answer."""

import base64

from flask import Flask, Response, jsonify, request

from benchmarks.peers.mnist import Classifier


def build(classifier: Classifier) -> Flask:
    """`POST /predict` and `GET /ready`."""
    app = Flask(__name__)

    @app.post("/predict")
    def predict() -> Response:
        return jsonify(predictions=classifier.predict(_files()))

    @app.get("/ready")
    def ready() -> str:
        return "ready"

    return app


def _files() -> list[bytes]:
    if request.mimetype == "multipart/form-data":
        return [file.read() for file in request.files.getlist("image")]
    if request.is_json:
        return [base64.b64decode(text) for text in request.get_json()["images"]]
    return [request.get_data()]
