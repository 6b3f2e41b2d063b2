"""The service: any picture in over HTTP, a class name and probabilities out."""
