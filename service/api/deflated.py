"""Answers compressed as the caller asks by Accept-Encoding."""

import gzip
import zlib
from collections.abc import Callable

from flask import Response, request

# Below this an answer fits a packet, and compressing it would only cost time.
_LEAST_BYTES = 1024
_LEVEL = 1
_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, _LEVEL),
    "deflate": lambda data: zlib.compress(data, _LEVEL),
}


def deflated(response: Response) -> Response:
    """The answer to the current request, compressed if it is long and the caller takes that."""
    response.vary.add("Accept-Encoding")
    encoding = request.accept_encodings.best_match(_COMPRESS)
    if encoding and len(data := response.get_data()) >= _LEAST_BYTES:
        response.set_data(_COMPRESS[encoding](data))
        response.content_encoding = encoding
    return response
