"""What a client does not take at once is kept in order, and nobody waits."""

import random
import socket
from collections.abc import Iterator

import pytest

from service.server.outgoing import Outgoing

SENT = random.Random(1).randbytes(4 * 2**20)


@pytest.fixture
def ends() -> Iterator[tuple[Outgoing, socket.socket]]:
    """The service's end of a connection, and the client's."""
    here, there = socket.socketpair()
    with Outgoing(here) as ours, there:
        ours.setblocking(True)
        yield ours, there


def test_what_is_not_taken_is_kept_and_arrives_in_order(ends: tuple[Outgoing, socket.socket]) -> None:
    ours, client = ends
    for start in range(0, len(SENT), 300_000):
        ours.sendall(SENT[start : start + 300_000])
    assert 0 < ours.kept < len(SENT) and not ours.send_kept()
    taken = bytearray()
    while len(taken) < len(SENT):
        taken += client.recv(2**18)
        ours.send_kept()
    assert taken == SENT and ours.kept == 0 and ours.send_kept()


def test_nothing_is_kept_of_what_is_taken(ends: tuple[Outgoing, socket.socket]) -> None:
    ours, client = ends
    ours.sendall(b"hello")
    assert ours.kept == 0 and client.recv(9) == b"hello"


def test_a_client_that_has_gone_is_an_error_as_with_any_socket(ends: tuple[Outgoing, socket.socket]) -> None:
    ours, client = ends
    ours.sendall(SENT)
    client.close()
    with pytest.raises(OSError):
        ours.send_kept()
