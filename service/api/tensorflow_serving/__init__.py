"""Below `/v1`: TensorFlow Serving's REST API, and KServe's first one, which lies on the same paths."""
