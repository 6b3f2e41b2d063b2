"""Whether a request's client is still there."""

import socket

from flask import request

from service.errors import Abandoned


def is_there() -> bool:
    """False if the client has closed its connection, or the sending side of it.

    What it sent ahead of its turn (pipelining) is left where it is. True where the socket is not known, as in tests.
    """
    connection = request.environ.get("gunicorn.socket")
    # TLS sockets refuse to peek.
    if type(connection) is not socket.socket:
        return True
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def check_is_there() -> None:
    """Raises Abandoned where `is_there` says no."""
    if not is_there():
        raise Abandoned("the connection was closed, or its sending side, before all of its images were looked at")
