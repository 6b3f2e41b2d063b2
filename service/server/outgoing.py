"""A connection's socket, on which no thread waits for a client to read its answer."""

import socket

# In one call: a copy of the whole rest for each would cost the loop a long answer's square.
_PIECE = 2**20


class Outgoing(socket.socket):
    """`sendall` keeps what the client does not take at once; the worker's loop sends it as there is room."""

    __slots__ = ("_rest",)

    def __init__(self, accepted: socket.socket) -> None:
        family, kind, protocol = accepted.family, accepted.type, accepted.proto
        super().__init__(family, kind, protocol, fileno=accepted.detach())
        self._rest = bytearray()

    @property
    def kept(self) -> int:
        """Bytes of answers that the client has yet to take."""
        return len(self._rest)

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        """Never waits; in order, after what is kept already. Raises OSError as sockets do."""
        sent = 0 if self._rest else self._send_now(data)
        if sent < len(data):
            self._rest += memoryview(data)[sent:]

    def send_kept(self) -> bool:
        """Sends what there is room for; whether nothing is left. Raises OSError as sockets do."""
        while self._rest:
            if not (sent := self._send_now(self._rest[:_PIECE])):
                return False
            del self._rest[:sent]
        return True

    def _send_now(self, data: bytes | bytearray) -> int:
        try:
            return self.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
