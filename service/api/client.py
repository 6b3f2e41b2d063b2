"""Whether a request's client is still there."""

import socket
import ssl
import time

from flask import request

from service.errors import Abandoned

_BETWEEN_LOOKS_S = 0.02


def is_there() -> bool:
    """False if the client has closed its connection, or the sending side of it.

    What it sent ahead of its turn (pipelining) is left where it is. True where the socket is not known, as in tests.
    """
    connection = request.environ.get("gunicorn.socket")
    # TLS sockets refuse to peek.
    if not isinstance(connection, socket.socket) or isinstance(connection, ssl.SSLSocket):
        return True
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


class Watch:
    """Looks now and then, between the images of a request, whether its client still waits for the answer."""

    def __init__(self) -> None:
        self._looked = time.monotonic()

    def check(self) -> None:
        """Raises Abandoned where `is_there` says no; between two looks it does nothing."""
        now = time.monotonic()
        # Each look lets another thread have the interpreter: one before each small image cost a request of 100 a tenth.
        if now - self._looked < _BETWEEN_LOOKS_S:
            return
        self._looked = now
        if not is_there():
            raise Abandoned("the connection was closed, or its sending side, before all of its images were looked at")
