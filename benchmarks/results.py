"""What a comparison measured, as it stands in docs/benchmarks.json."""

import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from benchmarks.figures import Spread
from service.cores import allotted_cores
from training import atomic

OK = "200"


class Timed(BaseModel):
    """What a loop of requests took, and what came back: answers by status, and what else went wrong.

    Microseconds are of a core, for each answer.
    """

    seconds: float
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float
    p999_ms: float
    server_us: float
    generator_us: float

    @property
    def per_second(self) -> float:
        """Answers with status 200 in a second."""
        return self.statuses.get(OK, 0) / self.seconds


class Measurement(Timed):
    """One loop of one workload in one round: closed with so many connections, or open at such a rate.

    Latencies are of all answers; in the open loop of those with status 200 and those that never came.
    """

    contender: str
    round: int
    workload: str
    form: str
    connections: int | None = None
    rate: float | None = None

    @property
    def faults(self) -> dict[str, int]:
        """All other statuses, and what else went wrong."""
        return {status: count for status, count in self.statuses.items() if status != OK and count}


class Start(BaseModel):
    """One start of one contender, and its memory as a whole after the small pictures and after everything."""

    contender: str
    round: int
    first_answer_s: float
    small_pss_bytes: int
    all_pss_bytes: int
    load_average: float


class Facts(BaseModel):
    """What a contender is; `faults` has why it could not be measured, if it could not."""

    title: str
    how: str
    versions: dict[str, str] = {}
    installed_bytes: int = 0
    faults: list[str] = []


class Machine(BaseModel):
    """What it was measured on."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str


class Stage(BaseModel):
    """Where a request's time goes: µs of one part, for a raw body and for multipart."""

    part: str
    raw_us: float
    multipart_us: float


class Profile(BaseModel):
    """The parts of one prediction, the whole last, in the code of one commit."""

    code: str
    stages: list[Stage]


class Results(BaseModel):
    """Everything of one run."""

    taken: str
    code: str
    command: str
    rounds: int
    seconds: int
    generator: str
    machine: Machine
    contenders: dict[str, Facts]
    starts: list[Start] = []
    measured: list[Measurement] = []
    ceiling_per_second: list[float] = []
    profile: Profile | None = None
    profile_before: Profile | None = None

    def of(
        self, contender: str, workload: str, connections: int | None, rate: float | None = None
    ) -> list[Measurement]:
        """The rounds of one loop, in order."""
        wanted = (contender, workload, connections, rate)
        found = [one for one in self.measured if (one.contender, one.workload, one.connections, one.rate) == wanted]
        return sorted(found, key=lambda one: one.round)

    def ratio(self, ours: Sequence[Measurement], theirs: Sequence[Measurement]) -> Spread | None:
        """How many times as many answers a second, over the rounds that both have."""
        others = {one.round: one.per_second for one in theirs if one.per_second}
        values = [one.per_second / others[one.round] for one in ours if one.round in others]
        return Spread.of(values) if values else None


def machine() -> Machine:
    """What this one is."""
    models = [line.partition(":")[2] for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    kib = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return Machine(
        processor=(models or [platform.machine()])[0].strip(),
        cores=allotted_cores(),
        memory_gib=round(kib / 2**20, 1),
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=sys.version.split()[0],
    )


def code() -> str:
    """The commit of the code that is measured, and whether it is that commit's alone."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "of no commit"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def write(path: Path, results: BaseModel) -> None:
    """Replaces the file in one step."""
    atomic.write_text(path, results.model_dump_json(indent=1) + "\n")
