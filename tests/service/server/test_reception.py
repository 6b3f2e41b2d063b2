"""What is rare at connections ends no worker, and does not upset the count of them."""

import errno
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from service.server import reception
from service.server.connection import Connection, Phase
from tests.fuzzing.fuzz_reception import World
from tests.integration.wire import post


class Troubled:
    """A listener whose `accept` fails."""

    def __init__(self, number: int) -> None:
        self._number = number

    def accept(self) -> tuple[socket.socket, object]:
        """As it does where the system is in trouble."""
        raise OSError(self._number, "trouble")


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    for client in world.clients:
        client.close()
    for connection in list(world.reception._waiting._connections):
        world.reception._drop(connection)
    world.selector.close()


@pytest.fixture
def connection() -> Iterator[Connection]:
    here, there = socket.socketpair()
    with here:
        connection = Connection(Config(), there, None, None)
        yield connection
        connection.close()


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.EPERM, errno.ENETDOWN, errno.EMFILE])
def test_a_newcomer_that_the_system_cannot_give_is_left(world: World, number: int) -> None:
    assert not world.reception.accept(Troubled(number))  # type: ignore[arg-type]
    assert world.reception.open == 0


def test_who_is_dropped_before_its_event_comes_is_dropped_once(world: World) -> None:
    world.come()
    (connection,) = world.reception._waiting._connections
    connection.outgoing.sendall(b"x" * 10**6)
    world.reception.take_back(connection, goes_on=True)
    (event,) = [key.data for key in world.selector.get_map().values()]
    world.reception._drop(connection)
    event(None)
    assert world.reception.open == 0


def test_whose_request_has_come_is_not_taken_for_slow(world: World) -> None:
    world.come()
    (connection,) = world.reception._waiting._connections
    connection.since -= 10
    assert world.reception._waiting.slowest(1, but=()) is connection
    world.clients[0].send(b"POST / HTTP/1.1\r\n")
    world.reception._on_readable(connection)
    assert world.reception._waiting.slowest(1, but=world.reception._come) is None


def test_an_unread_body_is_passed_over_in_few_steps(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection.feed(post("/nothing", b"x" * 2**22), 2**23)
    assert connection.request is not None
    reader, sizes = connection.request.body.reader, list[int]()
    monkeypatch.setattr(connection.request.body, "reader", SimpleNamespace(read=lambda size: noted(size)))

    def noted(size: int) -> bytes:
        sizes.append(size)
        return bytes(reader.read(size))

    assert reception.pass_over_body(connection) and len(sizes) <= 8
    assert connection.begin() == b""


def test_the_bytes_of_a_request_that_a_thread_has_count_on(world: World, connection: Connection) -> None:
    waiting = world.reception._waiting
    waiting.add(connection, lambda _: None)
    assert connection.feed(post("/a", b"x" * 1000), 2**20) and connection.phase is Phase.BODY
    waiting.count(connection)
    before = waiting.held
    waiting.lend(connection)
    assert connection not in waiting and waiting.held == before >= 1000
    connection.begin()
    waiting.add(connection, lambda _: None)
    assert waiting.held == 0
    waiting.forget(connection)
