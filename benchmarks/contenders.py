"""Who is compared, how each is started, and what it takes."""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.mnist import PREPARATION
from benchmarks.workloads import WORKLOADS, Form, Workload

OURS = "squint"
_TOLD = ("numpy", "pillow", "ai-edge-litert")
_SERVICE = ("flask-openapi3-swagger", "prometheus-client", "pydantic", "pydantic-settings")
_GUNICORN = (
    *("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "2", "--worker-class", "gthread", "--threads", "4"),
    *("--worker-tmp-dir", "/dev/shm", "--no-control-socket"),  # noqa: S108
)
_SCRATCH = tempfile.gettempdir()


class Contender(NamedTuple):
    """A server. In command and environment `{port}` is where it is asked, `{spares[0]}` and `{spares[1]}` are free too.

    `forms` says where it takes what, the form that costs it least first; `how` what of it was chosen; `packages` what
    it was installed from.
    """

    title: str
    how: str
    command: tuple[str, ...]
    forms: Mapping[Form, str]
    packages: tuple[str, ...]
    venv: str = ""
    environment: Mapping[str, str] = {}
    workloads: tuple[str, ...] = tuple(WORKLOADS)
    in_open_loop: bool = True

    @property
    def python(self) -> Path:
        """The interpreter that has its packages."""
        return Path(".venv") / self.venv / "bin" / "python" if self.venv else Path(sys.executable)

    def started_by(self, port: int, spares: Sequence[int]) -> tuple[list[str], dict[str, str]]:
        """Command and environment with the ports put in."""
        command = [str(self.python), *(word.format(port=port) for word in self.command)]
        return command, {name: text.format(port=port, spares=spares) for name, text in self.environment.items()}

    def form(self, workload: Workload) -> Form | None:
        """The form in which it gets a workload's pictures; None if it takes none of those that may be."""
        return next((form for form in workload.forms or self.forms if form in self.forms), None)


def _flask(title: str, how: str, module: str, *packages: str) -> Contender:
    return Contender(
        title=title,
        how=how,
        command=(*_GUNICORN, f"benchmarks.peers.{module}:create_app()"),
        forms={"raw": "/predict", "multipart": "/predict", "json": "/predict"},
        packages=("flask", "gunicorn", *packages),
        environment={"TF_CPP_MIN_LOG_LEVEL": "2"},
    )


_FLASK_LITERT = _flask(
    "Flask + LiteRT", "an app of 41 lines with the same engine, and nothing else", "flask_litert", *_TOLD
)

CONTENDERS: Mapping[str, Contender] = {
    OURS: Contender(
        title="Squint",
        how="`python -m service serve` as it comes: all three models, metrics, log, admission",
        command=("-m", "service", "serve"),
        forms={form: "/models/mnist/predict" for form in ("raw", "multipart", "json")},
        packages=("flask", "gunicorn", *_TOLD, *_SERVICE),
        environment={"SQUINT_PORT": "{port}", "SQUINT_WORKERS": "2"},
    ),
    "flask_litert": _FLASK_LITERT,
    "flask_savedmodel": _flask(
        "Flask + SavedModel",
        "the signature called directly, one TensorFlow thread an operation",
        "flask_savedmodel",
        "numpy",
        "pillow",
        "tensorflow-cpu",
    ),
    "flask_keras": _flask(
        "Flask + Keras",
        "`Model.predict()` over a `TFSMLayer`",
        "flask_keras",
        "numpy",
        "pillow",
        "keras",
        "tensorflow-cpu",
    ),
    "litserve": Contender(
        title="LitServe",
        how="LiteRT, 2 workers, `fast_queue`, 2 HTTP processes; files as base64",
        command=("-m", "benchmarks.peers.lit_serve", "{port}"),
        forms={"json": "/predict", "multipart": "/predict"},
        packages=("litserve", "fastapi", "uvicorn", *_TOLD),
        venv="bench",
    ),
    "bentoml": Contender(
        title="BentoML",
        how="LiteRT, 2 workers; files as base64",
        command=("-m", "bentoml", "serve", "benchmarks.peers.bento:Digits", "--host", "127.0.0.1", "--port", "{port}"),
        forms={"json": "/predict", "multipart": "/upload"},
        packages=("bentoml", "uvicorn", *_TOLD),
        venv="bench",
        environment={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": f"{_SCRATCH}/squint-bentoml", "PYTHONPATH": "."},
    ),
    "mlserver": Contender(
        title="MLServer",
        how="LiteRT, 2 parallel workers; files as base64 in the Open Inference Protocol",
        command=("-m", "benchmarks.peers.ml_server"),
        forms={"v2": "/v2/models/mnist/infer"},
        packages=("mlserver", "fastapi", "uvicorn", *_TOLD),
        venv="bench-mlserver",
        environment={
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": "{port}",
            "MLSERVER_GRPC_PORT": "{spares[0]}",
            "MLSERVER_METRICS_PORT": "{spares[1]}",
            "MLSERVER_METRICS_DIR": f"{_SCRATCH}/squint-mlserver-metrics",
            "MLSERVER_ENVIRONMENTS_DIR": f"{_SCRATCH}/squint-mlserver-environments",
            "MLSERVER_DEBUG": "false",
            "MLSERVER_PARALLEL_WORKERS": "2",
            "MLSERVER_MODEL_NAME": "mnist",
            "MLSERVER_MODEL_IMPLEMENTATION": "benchmarks.peers.ml_server.Digits",
        },
    ),
    "rayserve": Contender(
        title="Ray Serve",
        how="LiteRT, 2 replicas, one HTTP proxy, `RAY_SERVE_THROUGHPUT_OPTIMIZED`",
        command=("-m", "benchmarks.peers.ray_serve", "{port}"),
        forms={"raw": "/", "multipart": "/", "json": "/"},
        packages=("ray[serve]", "uvicorn", *_TOLD),
        venv="bench",
        environment={"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"},
    ),
    "flask_plain": _FLASK_LITERT._replace(
        title="Flask + LiteRT, plain Pillow",
        how='the same app, but `Image.open(…).convert("L").resize((28, 28))` as tutorials prepare a picture',
        environment={PREPARATION: "plain"},
        workloads=("jpeg",),
        in_open_loop=False,
    ),
}
