"""Workers are killed, stopped and replaced while the service is asked."""

import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import golden
from tests.integration.crowd import PREDICT, Crowd
from tests.integration.load import Load
from tests.integration.processes import connections_of, living_workers, until, wait_for_workers, workers_of
from tests.integration.server import Server, running
from tests.publishing import publish
from tests.reliability import account
from tests.reliability.arrivals import Arrivals
from tests.reliability.conftest import Tell
from tests.reliability.scale import Scale

pytestmark = pytest.mark.reliability
CLIENTS = 8
WORKERS = 2
LOADS_OF_THE_FIRST = f'squint_model_loads_total{{model="mnist",outcome="loaded",version="1"}} {WORKERS:.1f}\n'
PREDICTIONS = re.compile(r'^squint_predictions_total\{.*model="mnist".*\} (\S+)$', re.MULTILINE)


def killed(server: Server) -> int:
    """Kills a worker, any one; returns how many connections, and so at most how many requests, it held."""
    pid = random.choice(living_workers(server))
    os.kill(pid, signal.SIGSTOP)
    held = connections_of(server, pid)
    os.kill(pid, signal.SIGKILL)
    return held


def test_killed_workers_cost_no_more_than_what_they_held(tmp_path: Path, scale: Scale, tell: Tell) -> None:
    if not Path("/proc/self/net/tcp").exists():
        pytest.skip("this system does not tell a process' connections in /proc")
    kills = held = 0
    with running(tmp_path / "log", workers=WORKERS) as server:
        with Crowd(server, CLIENTS).asking() as crowd, Arrivals(server).coming() as arrivals:
            ends = time.monotonic() + scale.killing_s
            while time.monotonic() < ends:
                crowd.wait_for(1)
                time.sleep(random.uniform(1, 4))
                held += killed(server)
                kills += 1
            crowd.wait_for(100)
        wait_for_workers(server, WORKERS + kills)
        counted = sum(map(float, PREDICTIONS.findall(server.get("/metrics")[1])))
    tell(
        f"{kills} kills, {held} connections held by them; {account.told(crowd)}; {arrivals.told}; {counted:.0f} counted"
    )
    account.check(crowd, broken=held - arrivals.broken)
    arrivals.check(broken=held)
    sent = crowd.sent + arrivals.sent
    assert sent - crowd.broken - arrivals.broken <= counted <= sent
    assert crowd.outcomes["refused"] == arrivals.refused == 0


def test_stops_under_load_lose_no_request(tmp_path: Path, scale: Scale, tell: Tell) -> None:
    took, crowds, open_loops = [], [], []
    for round_ in range(scale.stops):
        with (
            running(tmp_path / f"log{round_}", workers=WORKERS) as server,
            Crowd(server, CLIENTS).asking() as crowd,
            Arrivals(server).coming() as arrivals,
        ):
            crowd.wait_for(random.randint(1, 200))
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            assert server.process.wait(60) == 0
            took.append(time.monotonic() - began)
        crowds.append(crowd)
        open_loops.append(arrivals)
        account.check(crowd, broken=1)
        arrivals.check(broken=1)
        assert "Traceback" not in server.log.read_text()
    refused = sum(crowd.outcomes["refused"] for crowd in crowds)
    broken = sum(crowd.broken for crowd in crowds) + sum(one.broken for one in open_loops)
    tell(
        f"{len(took)} stops of at most {max(took):.1f} s; {sum(crowd.sent for crowd in crowds)} sent: "
        f"{sum(crowd.outcomes['200'] for crowd in crowds)} 200, {refused} refused; open loop "
        f"{sum(one.sent for one in open_loops)} sent: {sum(one.refused for one in open_loops)} refused; {broken} broken"
    )
    # Who connects in the microseconds between the last look into the listener's queue and its end.
    assert broken <= max(1, scale.stops // 10)
    # Each client ends at its first refusal.
    assert refused <= CLIENTS * scale.stops


def test_replaced_workers_lose_no_request(tmp_path: Path, scale: Scale, tell: Tell) -> None:
    """By SIGHUP."""
    with running(tmp_path / "log", workers=WORKERS) as server:
        with Crowd(server, CLIENTS).asking() as crowd, Arrivals(server).coming() as arrivals:
            for number in range(scale.reloads):
                server.signal(signal.SIGHUP)
                wait_for_workers(server, WORKERS * (number + 2))
                crowd.wait_for(20)
        born = len(workers_of(server))
    tell(f"{scale.reloads} reloads, {born} workers; {account.told(crowd)}; {arrivals.told}")
    account.check(crowd)
    arrivals.check()
    assert born == WORKERS * (scale.reloads + 1) and crowd.outcomes["refused"] == arrivals.refused == 0


def test_every_worker_switches_at_each_new_version(tmp_path: Path, models_dir: Path, scale: Scale, tell: Tell) -> None:
    started = running(tmp_path / "log", models_dir=models_dir, workers=WORKERS, poll_interval_s=0.1, log_format="text")
    with started as server, Load(server, [PREDICT], golden(), 4).running() as load:
        all_serve(server)
        for version in range(2, scale.reloads + 2):
            publish(models_dir, version)
            switched(server, version)
            load.goes_on(10)
            if version > 2:
                shutil.rmtree(models_dir / "mnist" / str(version - 1))
    statuses = {answer.status for answer in load.answers}
    versions = {answer.version for answer in load.answers}
    tell(f"{scale.reloads} versions, {len(load.answers)} answers, statuses {statuses}, {len(versions)} versions seen")
    assert statuses == {200} and versions == set(range(1, scale.reloads + 2))


def all_serve(server: Server) -> None:
    """Waits until every worker has loaded the first version: one that starts later tells of no change."""
    until(lambda: LOADS_OF_THE_FIRST in server.get("/metrics")[1])


def switched(server: Server, version: int) -> None:
    """Waits until every worker has loaded it."""
    ends = time.monotonic() + 60
    while server.log.read_text().count(f"version loaded: mnist/{version}\n") < WORKERS:
        assert time.monotonic() < ends, server.log.read_text()[-2000:]
        time.sleep(0.02)
