"""The servers that are compared, and how each is started."""

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.workloads import Payload, base64_json, raw

WORKERS = 2
EARLIER_TITLE = "Squint before"
_BENCH_PYTHON = Path(".venv/bench/bin/python")
_GUNICORN = (
    *("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", str(WORKERS), "--worker-class", "gthread"),
    *("--threads", "4", "--worker-tmp-dir", "/dev/shm"),  # noqa: S108
)


@dataclass(frozen=True)
class Contender:
    """A server: `command` follows the interpreter, and in it and in `environment` `{port}` is the port to listen on.

    `payload` puts one picture into a request to `path`; `directory` is where the command runs.
    """

    title: str
    command: tuple[str, ...]
    path: str = "/predict"
    payload: Callable[[bytes], Payload] = raw
    python: Path = Path(sys.executable)
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path = Path()

    def command_line(self, port: int) -> list[str]:
        """The whole command for a port."""
        return [str(self.python), *(word.format(port=port) for word in self.command)]

    def variables(self, port: int) -> dict[str, str]:
        """What is added to the environment."""
        return {name: text.format(port=port) for name, text in self.environment.items()}


def _squint(title: str, directory: Path, python: Path) -> Contender:
    environment = {"SQUINT_PORT": "{port}", "SQUINT_HOST": "127.0.0.1", "SQUINT_WORKERS": str(WORKERS)}
    command = ("-m", "service", "serve")
    return Contender(
        title, command, "/models/mnist/predict", python=python, environment=environment, directory=directory
    )


SQUINT = _squint("Squint", Path(), Path(sys.executable))
FLASK_LITERT = Contender("Flask + LiteRT", (*_GUNICORN, "benchmarks.peers.flask_litert:app"))
FLASK_SAVEDMODEL = Contender(
    "Flask + SavedModel",
    (*_GUNICORN, "benchmarks.peers.flask_savedmodel:app"),
    environment={"TF_CPP_MIN_LOG_LEVEL": "2"},
)
LITSERVE = Contender(
    "LitServe", ("-m", "benchmarks.peers.lit_serve", "{port}"), payload=base64_json, python=_BENCH_PYTHON
)
BENTOML = Contender(
    "BentoML",
    ("-m", "bentoml", "serve", "benchmarks.peers.bento:Digits", "--host", "127.0.0.1", "--port", "{port}"),
    payload=base64_json,
    python=_BENCH_PYTHON,
    environment={
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": f"{tempfile.gettempdir()}/squint-bentoml",
        "PYTHONPATH": ".",
    },
)
PEERS = (FLASK_LITERT, FLASK_SAVEDMODEL, LITSERVE, BENTOML)


def earlier_squint(directory: Path) -> Contender:
    """Another checkout of Squint, run by its own virtual environment if it has one."""
    own_python = directory.absolute() / ".venv" / "bin" / "python"
    return _squint(EARLIER_TITLE, directory, own_python if own_python.exists() else Path(sys.executable))
