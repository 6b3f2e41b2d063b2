"""gunicorn's configuration, from the service's settings; gunicorn reads the names below."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from service.errors import Fault
from service.inference import registry
from service.settings import read_settings

# Read by prometheus_client and TensorFlow when a worker imports them.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="squint-metrics-"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

try:
    settings = read_settings()
except Fault as fault:
    sys.exit(f"squint: {fault}")

wsgi_app = "service.app:create_app()"
bind = f"{settings.host}:{settings.port}"
workers = settings.workers
# Threads wait without computing (the engines bound that), so that probes always find one.
worker_class = "gthread"
threads = settings.threads
# Never true: TensorFlow does not survive a fork, and hangs in the workers.
preload_app = False
timeout = settings.request_timeout_s
graceful_timeout = settings.drain_timeout_s
keepalive = 5
# The heartbeat file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
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


def on_starting(server: Any) -> None:
    """Ends the start with the reason if some model could not be served; what needs an engine is checked in the workers."""
    try:
        registry.check_start(settings.models_dir, settings.engine)
    except Fault as fault:
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
        sys.exit(f"squint: {fault}")


def child_exit(server: Any, worker: Any) -> None:
    """Closes a dead worker's gauges; its counts stay."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Removes the metrics of this start."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
