"""The service: any picture in over HTTP, a class name and probabilities out."""

__version__ = "0.1.0"
