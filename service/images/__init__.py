"""Bytes to the array a model was trained on: `decode`, then one of the `kinds`."""
