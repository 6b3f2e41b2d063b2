"""More is asked than can be carried, too slowly to be carried, and for long."""

import base64
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from threading import Event

import numpy as np
import pytest
from PIL import Image

from service.manifest import INPUT_NAME
from tests.conftest import SHIPPED, encoded, golden
from tests.integration.crowd import Crowd
from tests.integration.processes import living_workers
from tests.integration.server import Server, running
from tests.integration.test_watching import wait_for_both
from tests.integration.wire import GET_LIVE, Wire, address, chunked, post
from tests.reliability import account
from tests.reliability.beside import beside
from tests.reliability.conftest import Tell
from tests.reliability.memory import Memory, files_and_threads, needs_proc
from tests.reliability.scale import Scale
from tests.reliability.sender import Load, Sender, closed_loop, open_loop

pytestmark = pytest.mark.reliability
PREDICT = "/models/mnist/predict"
TIMES = 5
DEADLINE_S = 5.0
MOST_CONNECTIONS = 500
SLOW = 500


class Hurried(Load):
    """Requests that say how long their answers are of use."""

    def request(self, keep: bool) -> bytes:
        """One whole request."""
        first, _, rest = super().request(keep).partition(b"\r\n")
        return b"%s\r\nX-Request-Timeout: %g\r\n%s" % (first, DEADLINE_S, rest)


def photo() -> bytes:
    """A JPEG of 640×480 that costs a few milliseconds, and fits a socket's buffer."""
    waves = np.sin(np.indices((480, 640)).sum(axis=0) / 25) * 90 + np.indices((480, 640))[1] / 640 * 70 + 90
    return encoded(Image.fromarray(waves.clip(0, 255).astype(np.uint8)), "JPEG", quality=80)


def carried(load: Load) -> float:
    """Requests a second that are answered in a closed loop."""
    seconds = 3.0
    return closed_loop(load, 16, seconds).statuses["200"] / seconds


def test_five_times_what_it_carries(tmp_path: Path, scale: Scale, tell: Tell) -> None:
    needs_proc()
    # A wait so short that the refusals of a second, too, fit on the sender's connections.
    with running(tmp_path / "log", workers=2, max_wait_s=0.5, log_level="warning") as server:
        workers = living_workers(server)
        load = Hurried(*address(server), PREDICT, photo())
        rate = TIMES * carried(load)
        with Probes(server).asking() as probes, Memory(server).watched() as memory:
            sender = open_loop(load, rate, scale.overload_s, 0.1, MOST_CONNECTIONS)
        assert living_workers(server) == workers
    sent, times = int(rate * scale.overload_s), sender.times
    p99 = account.percentile(times["200"], 0.99)
    tell(
        f"{rate:.0f}/s for {scale.overload_s:g} s, {sent} sent: {told(sender)}; accepted p99 {p99:.2f} s; "
        f"probes {len(probes.seconds)}, longest {max(probes.seconds):.2f} s; "
        f"memory {max(memory.sizes):.0f} MiB at most, grew by {memory.growth():.1f} MiB"
    )
    assert sum(sender.statuses.values()) == sent and set(+sender.statuses) == {"200", "429"}
    assert p99 <= DEADLINE_S and memory.growth() <= 16
    assert probes.failed == 0


def told(sender: Sender) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(sender.statuses.items()) if count)


class Probes:
    """Asks for the probes five times a second."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.seconds: list[float] = []
        self.failed = 0

    @contextmanager
    def asking(self) -> Iterator["Probes"]:
        """Asks until the end of the block."""
        with beside(self._run):
            yield self

    def _run(self, stop: Event) -> None:
        while not stop.wait(0.2):
            for path in ("/livez", "/readyz", "/metrics"):
                began = time.monotonic()
                self.failed += self._server.get(path)[0] != 200
                self.seconds.append(time.monotonic() - began)


class Slow:
    """Clients that send a byte a second, each of a request that it never ends; who is let go comes back."""

    _WAYS = (
        b"GET /livez HTTP/1.1\r\nHost: %s" % (b"x" * 900),
        post(PREDICT, golden() * 3),
        chunked(PREDICT, golden() * 3),
    )

    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self._clients: list[tuple[socket.socket, Iterator[int]]] = []
        self._number = number
        self.connections = 0

    @contextmanager
    def dribbling(self) -> Iterator["Slow"]:
        """Until the end of the block; all are connected when it begins."""
        self._clients = [self._connect() for _ in range(self._number)]
        try:
            with beside(self._run):
                yield self
        finally:
            for client, _ in self._clients:
                client.close()

    def _connect(self) -> tuple[socket.socket, Iterator[int]]:
        client = socket.create_connection(address(self._server), timeout=60)
        way = self._WAYS[self.connections % len(self._WAYS)]
        self.connections += 1
        # Of a body: its head at once, and then byte by byte.
        begun = way.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in way else 1
        client.sendall(way[:begun])
        client.setblocking(False)
        return client, iter(way[begun:])

    def _run(self, stop: Event) -> None:
        while not stop.wait(1):
            self._clients = [self._dribble(*client) for client in self._clients]

    def _dribble(self, client: socket.socket, rest: Iterator[int]) -> tuple[socket.socket, Iterator[int]]:
        with suppress(BlockingIOError):
            try:
                client.sendall(bytes([next(rest)]))
                client.recv(4096)  # anything that has come is the end: a refusal, or nothing
            except (ConnectionError, StopIteration):
                pass
            client.close()
            return self._connect()
        return client, rest


def test_who_sends_a_byte_a_second_harms_nobody(tmp_path: Path, scale: Scale, tell: Tell) -> None:
    needs_proc()
    with running(tmp_path / "log", workers=2) as server:
        workers = living_workers(server)
        with (
            Memory(server).watched() as memory,
            Slow(server, SLOW).dribbling() as slow,
            Crowd(server, 4).asking() as crowd,
        ):
            time.sleep(scale.slow_s)
        assert living_workers(server) == workers
    longest = max(crowd.seconds)
    tell(
        f"{SLOW} slow clients on {slow.connections} connections; of others {account.told(crowd)}; "
        f"memory {max(memory.sizes):.0f} MiB at most"
    )
    account.check(crowd)
    assert crowd.outcomes["refused"] == 0 and longest <= 1
    assert "Traceback" not in server.log.read_text()


HEADS, BODIES = 500, 300
HEAD_LIMIT_S, BODY_LIMIT_S = 6.0, 8.0
# Between a limit and the end of its connection, on a busy machine: what still comes of a body is read for 2 s.
LATE_S = 4.0


def half_sent(server: Server, request: bytes, opened: list[float]) -> Wire:
    """A connection with a request that is never finished; adds the time it was sent."""
    client = Wire(socket.create_connection(address(server), timeout=60))
    client.send(request)
    opened.append(time.monotonic())
    return client


def usual_s(server: Server) -> float:
    """The median time of an answer."""
    return median(closed_loop(Load(*address(server), PREDICT, golden()), 4, 2.0).times["200"])


def test_half_sent_requests_hold_up_nobody_and_are_closed_in_time(tmp_path: Path, tell: Tell) -> None:
    started = running(tmp_path / "log", workers=2, head_timeout_s=HEAD_LIMIT_S, body_timeout_s=BODY_LIMIT_S)
    with started as server, ExitStack() as held:
        wait_for_both(server)
        usual, opened = usual_s(server), list[float]()
        halves = [GET_LIVE[:-2]] * HEADS + [post(PREDICT, golden())[:-1]] * BODIES
        clients = [half_sent(server, half, opened) for half in halves]
        for client in clients:
            held.enter_context(client.socket)
        beside = usual_s(server)
        waits = []
        for client, sent, limit_s in zip(
            clients, opened, [HEAD_LIMIT_S] * HEADS + [BODY_LIMIT_S] * BODIES, strict=True
        ):
            assert client.answered().status == 408 and client.answer() is None
            waits.append(time.monotonic() - sent - limit_s)
    tell(
        f"median {usual * 1000:.1f} ms, then {beside * 1000:.1f} ms beside {HEADS} heads and {BODIES} bodies; "
        f"closed {max(waits):.2f} s after their limit at most"
    )
    assert beside <= 2 * usual and max(waits) <= LATE_S
    assert "Traceback" not in server.log.read_text()


def mixture() -> list[bytes]:
    """Requests of every dialect to every model, and some that are refused."""
    as_text = base64.b64encode(golden()).decode()
    json_type = "Content-Type: application/json"
    triton = {"inputs": [{"name": INPUT_NAME, "shape": [1], "datatype": "BYTES", "data": [as_text]}]}
    pictures = [post(f"/models/{name}/predict?seen=1", golden(name, 0)) for name in SHIPPED]
    return [
        *pictures,
        post(PREDICT, photo()),
        post(PREDICT, json.dumps({"images": [as_text] * 3}).encode(), json_type),
        post("/v1/models/mnist:predict", json.dumps({"instances": [{"b64": as_text}]}).encode(), json_type),
        post("/v2/models/mnist/infer", json.dumps(triton).encode(), json_type),
        post(PREDICT, b"no picture"),
        post("/models/none/predict", golden()),
        GET_LIVE,
        b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    ]


def test_it_serves_on_as_it_began(tmp_path: Path, scale: Scale, tell: Tell) -> None:
    needs_proc()
    with running(tmp_path / "log", workers=2, log_level="warning") as server:
        workers = living_workers(server)
        with Crowd(server, 4, mixture(), pause_s=0.02).asking() as crowd, Memory(server).watched() as memory:
            time.sleep(scale.soak_s / 4)
            before = files_and_threads(server)
            time.sleep(scale.soak_s * 3 / 4)
            after = files_and_threads(server)
        assert living_workers(server) == workers
    tell(
        f"{scale.soak_s:g} s; {account.told(crowd)}; memory {max(memory.sizes):.0f} MiB at most, grew by "
        f"{memory.growth():.2f} MiB, {memory.slope():.3f} MiB a minute; files and threads {before}, then {after}"
    )
    assert crowd.sent == crowd.outcomes.total() and set(crowd.outcomes) == {"200", "404", "415"}, crowd.outcomes
    assert memory.growth() <= 8
    # Connections come and go.
    assert after[0] <= before[0] + 8 and after[1] <= before[1] + 4
