"""Both workers take connections."""

from contextlib import ExitStack
from pathlib import Path

from tests.integration.crowd import KEEP
from tests.integration.processes import connections_of, living_workers, until
from tests.integration.server import running
from tests.integration.wire import wire


def test_both_workers_serve(tmp_path: Path) -> None:
    """Which worker accepts a connection is the kernel's choice: with enough connections, each has one."""
    with running(tmp_path / "log", workers=2) as server, ExitStack() as kept:

        def both_have_answered() -> bool:
            client = kept.enter_context(wire(server))
            client.send(KEEP)
            assert client.answered().status == 200
            workers = living_workers(server)
            return len(workers) == 2 and all(connections_of(server, worker) for worker in workers)

        until(both_have_answered)
