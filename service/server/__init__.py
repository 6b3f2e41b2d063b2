"""How connections are collected, shared and left, without a word of pictures or models: gunicorn's worker."""
