"""gunicorn's configuration, from the service's settings; gunicorn reads the names below."""

import math
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gunicorn.arbiter import Arbiter

from service.errors import Fault
from service.inference import registry
from service.settings import read_settings

if TYPE_CHECKING:
    from service.worker import PatientWorker

try:
    settings = read_settings()
except Fault as fault:
    sys.exit(f"squint: {fault}")

# Read by prometheus_client and TensorFlow when a worker imports them. A folder the operator names stays his.
# This file is read again at each SIGHUP: the name says whose it is.
_own_metrics_dir = f"squint-metrics-{os.getpid()}-"
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix=_own_metrics_dir)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

wsgi_app = "service.app:create_app()"
bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
workers = settings.workers
worker_class = "service.worker.PatientWorker"
threads = settings.request_threads
# Never true: TensorFlow does not survive a fork, and hangs in the workers.
preload_app = False
timeout = settings.worker_timeout_s
# Workers end by themselves within the two; this is when the parent loses patience.
graceful_timeout = math.ceil(settings.drain_delay_s) + settings.drain_timeout_s + 1
keepalive = 5
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
# The heartbeat file must not wait for a disk.
worker_tmp_dir = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None
# No client may set SCRIPT_NAME or PATH_INFO by a header.
forwarder_headers = ""
# It writes below $HOME, which a read-only container has not.
control_socket_disable = True
_to_stderr = {"level": "INFO", "handlers": ["error_console"], "propagate": False}
logconfig_dict = {
    "loggers": {
        "gunicorn.error": {**_to_stderr, "qualname": "gunicorn.error"},
        "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": False},
        "service": _to_stderr,
    }
}


def on_starting(server: Arbiter) -> None:
    """Ends the start with the reason if some model cannot be served; the workers check what needs an engine."""
    try:
        registry.check_start(settings.models_dir, settings.engine)
    except Fault as fault:
        on_exit(server)
        sys.exit(f"squint: {fault}")


def on_reload(server: Arbiter) -> None:
    """Tells the workers of now that others will take their place."""
    for worker in server.WORKERS.values():
        worker.relief.ask()


def post_fork(server: Arbiter, worker: "PatientWorker") -> None:
    """Has a new worker answer malformed HTTP like every other fault, and relieve those it replaces."""
    from service.api import malformed

    malformed.install()
    worker.succeed(server.WORKERS.values())


def child_exit(server: Arbiter, worker: "PatientWorker") -> None:
    """Closes a dead worker's gauges; its counts stay."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Arbiter) -> None:
    """Removes the metrics of this start."""
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    if folder.name.startswith(_own_metrics_dir):
        shutil.rmtree(folder, ignore_errors=True)
