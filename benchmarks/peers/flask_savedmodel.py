"""Flask and TensorFlow: calls the SavedModel's signature; the picture is the body of the request."""

import tensorflow as tf
from flask import Flask, Response, jsonify, request

from benchmarks.peers.digits import MODEL_DIR, to_answer, to_array

tf.config.threading.set_intra_op_parallelism_threads(1)
app = Flask(__name__)
model = tf.saved_model.load(str(MODEL_DIR))
infer = model.signatures["serving_default"]
inputs = infer.structured_input_signature[1]
(input_name,) = inputs


@app.post("/predict")
def predict() -> Response:
    """Label and probabilities."""
    outputs = infer(**{input_name: tf.constant(to_array(request.get_data()))})
    return jsonify(to_answer(outputs["probabilities"].numpy()[0]))
