"""A server of a few lines, to try the clients on."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from benchmarks.load import Load

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
# The connection and a request that is whole; whether the connection stays.
Serve = Callable[[socket.socket, bytes], bool]


@contextmanager
def server(serve: Serve) -> Iterator[Load]:
    """Hands each request to `serve`."""

    def talk(connection: socket.socket) -> None:
        # A client may end while its answer is under way.
        with connection, suppress(ConnectionError):
            while request := _request(connection):
                if not serve(connection, request):
                    return

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield Load("127.0.0.1", listener.getsockname()[1], "/", b"picture")
        listener.shutdown(socket.SHUT_RDWR)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"picture"):
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    return data


def at_once(connection: socket.socket, request: bytes) -> bool:
    """Answers, and goes on."""
    connection.sendall(ANSWER)
    return True
