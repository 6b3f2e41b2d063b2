"""Whatever clients send, leave out, cut and close, in whatever order: the worker's books on its connections balance.

Each byte of an input is a step: a client comes, sends a piece, reads, closes one side or both; time passes; a thread
answers, with more than buffers hold or less.
"""

import logging
import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace

from gunicorn.config import Config

import service.server.connection
import service.server.reception
import service.server.waiting
from service.server.connection import Connection
from service.server.reception import Reception
from service.settings import Settings
from tests.integration.wire import GET_LIVE, chunked, post

_SETTINGS = Settings(head_timeout_s=10, body_timeout_s=60, max_request_bytes=1024, max_held_bytes=2**20)
_PIECES = (
    GET_LIVE,
    post("/a", b"hello"),
    chunked("/b", b"hello"),
    post("/c", b"x" * 2000),
    b"GET / HT",
    b"\r\n\r\n",
    b"\n\n",
    b"5\r\nhel",
    b"lo\r\n0\r\n\r\n",
    b"POST /d HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    b"A: " + b"x" * 70_000,
    chunked("/f", *[b"x"] * 1500),
    post("/e", b"hello", "Connection: close"),
    post("/g", b"hello"),
)
# What asks for this is answered in the loop, at once.
_QUICK = "/g"
_MOST_CLIENTS = 6
_THREADS = 2
WORDS = (b"\0\1", b"\0\1\4", b"\0\1\2", b"\0\1\3", b"\5")


def seeds() -> list[bytes]:
    """Some lives of connections."""
    return [
        bytes(range(12)) * 3,
        bytes([0, 1, 17, 33, 4, 5]) * 4,
        bytes([0, 0, 0, 1, 2, 3, 5, 5]),
        bytes([0, 49, 81, 4, 97, 5]),
    ]


class World:
    """A reception, its clients, and the threads that answer."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.clients: list[socket.socket] = []
        self.coming: list[socket.socket] = []
        self.working: list[Connection] = []
        self.selector = selectors.DefaultSelector()
        config = Config()
        config.set("worker_connections", 4)
        door = SimpleNamespace(full=_answer, slow=_answer, long=_answer, cut=_answer, cut_too_small=_answer)
        self.reception = Reception(config, _SETTINGS, door, self.selector, self._serve)  # type: ignore[arg-type]

    def _serve(self, connection: Connection) -> bool:
        if is_free := len(self.working) < _THREADS:
            self.reception.lend(connection)
            self.working.append(connection)
            if connection.request is not None and connection.request.path == _QUICK:
                self._answer(self.working.pop(), goes_on=True, size=100)
        return is_free

    def accept(self) -> tuple[socket.socket, object]:
        """As a listener does."""
        if not self.coming:
            raise BlockingIOError
        return self.coming.pop(), ("127.0.0.1", 1)

    def getsockname(self) -> object:
        """As a listener does."""
        return ("127.0.0.1", 2)

    def come(self) -> None:
        """A client connects, if there is room."""
        self.clients = [client for client in self.clients if client.fileno() >= 0]
        if len(self.clients) < _MOST_CLIENTS and self.reception.make_room():
            here, there = socket.socketpair()
            here.setblocking(False)
            self.clients.append(here)
            self.coming.append(there)
            assert self.reception.accept(self)  # type: ignore[arg-type]

    def turn(self) -> None:
        """What the worker's loop does in one turn."""
        for key, _ in self.selector.select(0):
            key.data(None)
        self.reception.work_off()
        self.reception.end_late()

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    def answer(self, goes_on: bool, size: int = 0) -> None:
        """A thread is done with the first request that it has, and has answered with so many bytes."""
        if self.working:
            self._answer(self.working.pop(0), goes_on, size)

    def _answer(self, connection: Connection, goes_on: bool, size: int) -> None:
        with suppress(OSError):  # as gunicorn does
            connection.outgoing.sendall(b"x" * size)
        keep = goes_on and connection.request is not None and not connection.request.should_close()
        self.reception.take_back(connection, keep and service.server.reception.pass_over_body(connection))

    def check(self) -> None:
        """The books balance."""
        waiting = self.reception._waiting
        counted = {connection: connection.held for connection in waiting._connections}
        assert waiting._connections == counted and waiting.held == sum((*counted.values(), *waiting._lent.values()))
        assert set(waiting._lent) == set(self.working)
        assert self.reception.open >= len(counted) + len(self.working)
        assert self.reception.open <= 4 + _MOST_CLIENTS


def _answer(*_: object, **__: object) -> bytes:
    return b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"


def one(data: bytes) -> None:
    """Lives through it, and then lets all clients go."""
    world = World()
    with _clock(world), _no_errors():
        for step in data[:200]:
            _do(world, step)
            world.turn()
            world.check()
        for client in world.clients:
            client.close()
        for _ in range(20):
            world.answer(goes_on=False)
            world.wait(100)
            world.turn()
        assert (world.reception.open, world.reception._waiting.held, len(world.selector.get_map())) == (0, 0, 0)
    world.selector.close()


def _do(world: World, step: int) -> None:
    """The low three bits say what, the others which."""
    kind, which = step % 8, step // 8
    steps: tuple[Callable[[], object], ...] = (
        world.come,
        lambda: _to_client(world, which, lambda client: client.send(_PIECES[which % len(_PIECES)])),
        lambda: _to_client(
            world, which, lambda client: client.send(_PIECES[(which * 7 + 3) % len(_PIECES)][: which + 1])
        ),
        lambda: _to_client(world, which, lambda client: client.shutdown(socket.SHUT_WR)),
        lambda: world.answer(goes_on=which % 4 != 0, size=which * 20_000),
        lambda: world.wait((0.1, 1.5, 11, 70)[which % 4]),
        lambda: _to_client(world, which, socket.socket.close),
        world.reception.last_call
        if which == 0
        else lambda: _to_client(world, which, lambda client: client.recv(2**20)),
    )
    steps[kind]()


def _read(client: socket.socket) -> object:
    return client.recv(2**20)


def _to_client(world: World, which: int, act: Callable[[socket.socket], object]) -> None:
    if world.clients:
        with suppress(OSError):  # closed, or its buffer is full
            act(world.clients[which % len(world.clients)])


@contextmanager
def _clock(world: World) -> Iterator[None]:
    modules = (service.server.connection, service.server.reception, service.server.waiting)
    kept = [module.time for module in modules]
    for module in modules:
        module.time = SimpleNamespace(monotonic=lambda: world.now)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module, time in zip(modules, kept, strict=True):
            module.time = time  # type: ignore[attr-defined]


class _Refusing(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise AssertionError(record.getMessage()) from (record.exc_info[1] if record.exc_info else None)


@contextmanager
def _no_errors() -> Iterator[None]:
    """What the reception only logs, lest it end the worker, is a fault here."""
    log, handler = logging.getLogger("service.server.reception"), _Refusing(logging.ERROR)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
