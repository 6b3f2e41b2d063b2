"""What cannot even be parsed as HTTP is answered as a problem document too.

Such a request never reaches the app, and gunicorn answers it with an HTML page of its own, for which it has no hook.
"""

import json
import uuid
from http import HTTPStatus
from socket import socket

from gunicorn import util


def install() -> None:
    """Has gunicorn, in this process, write its own errors with `write_problem`."""
    util.write_error = write_problem


def write_problem(client: socket, status: int, reason: str, detail: str) -> None:
    """Writes a whole response to a connection that is then closed; the arguments are those of gunicorn's own."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": "internal_error" if status == HTTPStatus.INTERNAL_SERVER_ERROR else "malformed_request",
        "detail": detail or reason,
        "request_id": uuid.uuid4().hex,
    }
    content = json.dumps(body) + "\n"
    head = (
        f"HTTP/1.1 {status} {body['title']}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"X-Request-ID: {body['request_id']}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    util.write_nonblock(client, (head + content).encode("ascii"))
