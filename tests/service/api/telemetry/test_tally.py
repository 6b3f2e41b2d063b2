"""What workers counted stays whole when they die, in a folder that does not grow."""

import fcntl
import math
import multiprocessing
import os
import resource
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import CollectorRegistry
from prometheus_client.utils import floatToGoString

from service.api.telemetry.count_files import MOST_MAPPED
from service.api.telemetry.tally import Dead, Tally

# A worker: counts in its own files, and dies without a word.
WORKER = """
import os, sys
from service.api.telemetry.metrics import Metrics
from service.inference.registry import Change
metrics = Metrics()
for _ in range(int(sys.argv[1])):
    metrics._requests.labels("GET", "/a\\\\b \\"quoted\\" 100%s", "200").inc()
    metrics._request_seconds.labels("/livez").observe(0.003)
    metrics._failed_seconds.labels("mnist", "1").observe(0.5)
metrics._last_answer.labels("mnist", "1").set(int(sys.argv[1]))
metrics.count_change(Change("mnist", 1, "loaded", True))
metrics._waiting.inc()
print(os.getpid(), flush=True)
sys.stdin.read()
os._exit(1)
"""


class Worker:
    """A process that counted, and waits for its end."""

    def __init__(self, folder: Path, counts: int) -> None:
        environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(counts)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout
        self.pid = int(self._process.stdout.readline())

    def die(self) -> int:
        """Ends it; returns its number."""
        self._process.communicate()
        return self.pid


def samples(folder: Path) -> dict[str, float]:
    """Every line of the text, by name and labels."""
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(Tally(folder).text())
        for sample in family.samples
    }


def value(folder: Path, start: str) -> float:
    return sum(amount for name, amount in samples(folder).items() if name.startswith(start))


def test_the_text_is_what_prometheus_client_would_write(tmp_path: Path) -> None:
    workers = [Worker(tmp_path, 3), Worker(tmp_path, 4)]
    registry = CollectorRegistry()
    registry.register(Tally(tmp_path))
    theirs = {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }
    assert samples(tmp_path) == theirs and len(theirs) > 20
    assert theirs["squint_http_request_duration_seconds_bucket[('le', '0.005'), ('route', '/livez')]"] == 7
    assert theirs["squint_waiting[]"] == 2 and theirs["squint_workers[]"] == 2
    for worker in workers:
        worker.die()


def test_counts_of_the_dead_stay_and_their_gauges_go(tmp_path: Path) -> None:
    dead = Dead(tmp_path)
    first, second = Worker(tmp_path, 5), Worker(tmp_path, 2)
    dead.bury(first.die(), [second.pid])
    assert value(tmp_path, "squint_http_requests_total") == 7
    assert value(tmp_path, "squint_failed_inference_seconds_sum") == 3.5
    assert value(tmp_path, "squint_last_inference_timestamp_seconds") == 5
    assert value(tmp_path, "squint_waiting") == value(tmp_path, "squint_workers") == 1
    dead.bury(second.die())
    assert value(tmp_path, "squint_http_requests_total") == 7
    assert value(tmp_path, "squint_waiting") == 0


def test_who_reads_again_and_again_sees_what_one_sees_who_reads_for_the_first_time(tmp_path: Path) -> None:
    kept, dead, told = Tally(tmp_path), Dead(tmp_path), list[str]()

    def read() -> None:
        assert sorted(kept.text().splitlines()) == sorted(Tally(tmp_path).text().splitlines())
        told.append(kept.text())

    read()
    first = Worker(tmp_path, 5)
    read()
    second = Worker(tmp_path, 2)
    read()
    dead.bury(first.die(), [second.pid])
    read()
    (tmp_path / f"counter_{first.pid}.db").write_bytes((tmp_path / f"counter_{second.pid}.db").read_bytes())
    read()
    dead.bury(second.die())
    read()
    assert len(set(told)) == len(told)


def write(counts: MmapedDict, which: float, value: float) -> None:
    key = mmap_key("a", "a_total", ["which"], [f"{which}"], "All.")
    counts.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]


def test_keys_that_come_later_and_files_that_grow_are_seen(tmp_path: Path) -> None:
    tally, path = Tally(tmp_path), tmp_path / "counter_1.db"
    with closing(MmapedDict(str(path))) as counts:  # type: ignore[no-untyped-call]
        for number in range(2000):
            write(counts, number, number + 0.5)
            if number in (0, 1, 100, 1999):
                assert tally.text().splitlines()[2:] == [f'a_total{{which="{n}"}} {n}.5' for n in range(number + 1)]
    assert path.stat().st_size > 2**16


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_however_many_files_there_are_few_are_kept_open_and_none_has_to_be(tmp_path: Path) -> None:
    for pid in range(60):
        with closing(MmapedDict(str(tmp_path / f"counter_{pid}.db"))) as counts:  # type: ignore[no-untyped-call]
            write(counts, 1, 2)
    tally, before = Tally(tmp_path), open_files()
    assert tally.text().endswith(" 120.0\n")
    assert before < open_files() <= before + MOST_MAPPED
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + 1, limits[1]))
    try:
        assert Tally(tmp_path).text() == tally.text()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_numbers_are_written_as_prometheus_client_writes_them(tmp_path: Path) -> None:
    numbers = (0.0, -0.0, 1.0, 0.1, 1e-7, 999_999.0, 999_999.5, 1e6, 1234567.5, 1e17, -1.5, math.inf, -math.inf)
    with closing(MmapedDict(str(tmp_path / "gauge_max_1.db"))) as counts:  # type: ignore[no-untyped-call]
        for number in numbers:
            write(counts, number, number)
    told = [line.rpartition(" ")[2] for line in Tally(tmp_path).text().splitlines()[2:]]
    assert told == [floatToGoString(number) for number in numbers]  # type: ignore[no-untyped-call]


def test_the_folder_does_not_grow_with_the_dead_and_no_count_ever_falls(tmp_path: Path) -> None:
    dead, before, sizes = Dead(tmp_path), 0.0, []
    Worker(tmp_path, 1).die()
    (template,) = [path.read_bytes() for path in tmp_path.glob("counter_*.db")]
    for path in tmp_path.iterdir():
        path.unlink()
    for pid in range(100_000, 102_000):
        (tmp_path / f"counter_{pid}.db").write_bytes(template)
        counted = value(tmp_path, "squint_http_requests_total") if pid % 100 == 0 else before
        dead.bury(pid)
        sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
        assert counted >= before
        before = counted
    assert value(tmp_path, "squint_http_requests_total") == 2000
    assert len(list(tmp_path.iterdir())) <= 3 and sizes[-1] == sizes[0]


def test_what_is_being_read_is_added_up_later_and_the_parent_never_waits(tmp_path: Path) -> None:
    dead, first = Dead(tmp_path), Worker(tmp_path, 5).die()
    with (tmp_path / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        dead.bury(first)
        assert (tmp_path / f"counter_{first}.db").exists()
    dead.bury(Worker(tmp_path, 1).die())
    assert not (tmp_path / f"counter_{first}.db").exists()
    assert value(tmp_path, "squint_http_requests_total") == 6


def test_a_living_worker_that_got_a_dead_ones_number_keeps_its_file(tmp_path: Path) -> None:
    dead, first = Dead(tmp_path), Worker(tmp_path, 5).die()
    with (tmp_path / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        dead.bury(first)
    dead.bury(Worker(tmp_path, 1).die(), living=[first])
    assert (tmp_path / f"counter_{first}.db").exists()
    assert value(tmp_path, "squint_http_requests_total") == 6


def test_a_disk_that_cannot_be_written_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    dead, first = Dead(tmp_path), Worker(tmp_path, 5).die()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        dead.bury(first)
    assert value(tmp_path, "squint_http_requests_total") == 5
    dead.bury(Worker(tmp_path, 1).die())
    assert value(tmp_path, "squint_http_requests_total") == 6
    assert not (tmp_path / f"counter_{first}.db").exists()


def test_a_file_that_its_worker_did_not_live_to_begin_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "counter_7.db").touch()
    (tmp_path / "gauge_livesum_7.db").touch()
    worker = Worker(tmp_path, 2)
    assert value(tmp_path, "squint_http_requests_total") == 2
    Dead(tmp_path).bury(7, [worker.pid])
    assert not (tmp_path / "counter_7.db").exists()
    worker.die()


def read_often(folder: Path, times: int) -> None:
    before = 0.0
    for _ in range(times):
        now = value(folder, "squint_http_requests_total")
        if now < before or now > 200:
            os._exit(1)
        before = now


def test_whoever_reads_meanwhile_sees_every_count_once(tmp_path: Path) -> None:
    template_pid = Worker(tmp_path, 1).die()
    template = (tmp_path / f"counter_{template_pid}.db").read_bytes()
    for path in tmp_path.iterdir():
        path.unlink()
    for pid in range(100_000, 100_200):
        (tmp_path / f"counter_{pid}.db").write_bytes(template)
    reader = multiprocessing.get_context("spawn").Process(target=read_often, args=(tmp_path, 40))
    reader.start()
    dead = Dead(tmp_path)
    for pid in range(100_000, 100_200):
        dead.bury(pid)
    reader.join(60)
    assert reader.exitcode == 0
