"""Flask and LiteRT: the picture is the body of the request."""

from flask import Flask, Response, jsonify, request

from benchmarks.peers.digits import LiteRTModel

app = Flask(__name__)
model = LiteRTModel()


@app.post("/predict")
def predict() -> Response:
    """Label and probabilities."""
    return jsonify(model.predict(request.get_data()))
