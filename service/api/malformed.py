"""What cannot be parsed as HTTP is answered as a problem document too.

A bad request line or header never reaches the app: gunicorn answers it with an HTML page of its own, for which it has
no hook. A bad chunk of a body is met by the app while it reads.
"""

from http import HTTPStatus
from socket import socket

from flask import Flask
from gunicorn import util
from gunicorn.http.errors import ParseException

from service.api.bare import bare
from service.api.problems import problem

CODE = "malformed_request"


def install() -> None:
    """Has gunicorn, in this process, write its own errors with `write_problem`."""
    util.write_error = write_problem


def init_app(app: Flask) -> None:
    """Has the app answer what gunicorn cannot parse of a body."""
    app.register_error_handler(ParseException, lambda error: problem(400, CODE, f"the body is malformed: {error}"))


def write_problem(client: socket, status: int, reason: str, detail: str) -> None:
    """Writes a whole response to a connection that is then closed; the arguments are those of gunicorn's own."""
    code = "internal_error" if status == HTTPStatus.INTERNAL_SERVER_ERROR else CODE
    util.write_nonblock(client, bare(status, code, detail or reason))
