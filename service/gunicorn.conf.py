"""gunicorn's configuration, from the service's settings; gunicorn reads the names below."""

import errno
import gc
import importlib
import json
import logging
import math
import os
import resource
import shutil
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from service import auth, logs
from service.errors import Fault
from service.images import kinds
from service.inference import folders
from service.settings import SettingsFault, misspelt, read_settings
from service.worker_states import WorkerStates

_log = logging.getLogger("service")
_ADDRESS_WITHIN_S = 5
_MAX_CONNECTIONS = 1000
# Of a worker: four files, 64 KiB each at first.
_METRICS_KIB = 256
# Of a worker itself: models, metrics, log, event loop.
_OWN_FILES = 64
try:
    settings = read_settings()
except Fault as fault:
    sys.exit(f"squint: {fault}")

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
_HAS_SHARED_MEMORY = os.access(_SHARED_MEMORY, os.W_OK)

# prometheus_client reads the variable when a worker imports it. A folder that the operator names is used as it is. Our
# own is in memory where possible: a process that counts in a file on a full disk is killed by SIGBUS. It stays when
# SIGHUP has this file read again, and is not shared with the gunicorn that SIGUSR2 starts beside this one.
_OWN = f"squint-metrics-{os.getpid()}-"
_metrics_dir = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR", "squint-metrics-"))
if _metrics_dir.name.startswith("squint-metrics-") and not _metrics_dir.name.startswith(_OWN):
    try:
        _metrics_dir = Path(tempfile.mkdtemp(prefix=_OWN, dir=_SHARED_MEMORY if _HAS_SHARED_MEMORY else None))
    except OSError as error:
        sys.exit(f"squint: no folder can be made for the metrics: {error}; mount one at /tmp, or name it by TMPDIR")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics_dir)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

wsgi_app = "service.app:create()"
bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
workers = settings.workers
worker_class = "service.worker.Worker"
worker_connections = max(1, min(_MAX_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _OWN_FILES))
# Never true: TensorFlow does not survive a fork, and hangs in the workers.
preload_app = False
timeout = settings.worker_timeout_s
# Workers end by themselves within the two; then the parent kills them.
graceful_timeout = math.ceil(settings.drain_delay_s) + settings.drain_timeout_s + 2
keepalive = 5
# The heartbeat file must not wait for a disk.
worker_tmp_dir = str(_SHARED_MEMORY) if _HAS_SHARED_MEMORY else None
# It writes below $HOME, which a read-only container does not have.
control_socket_disable = True
logconfig_dict = logs.configuration(settings.log_format, settings.log_level)
# Pillow warns of broken metadata, for one.
logging.captureWarnings(True)


def on_starting(server: Any) -> None:
    """Ends the start with the reason if some model cannot be served; the workers check what needs an engine."""
    try:
        names = folders.check_start(settings.models_dir, settings.engine)
        _check_metrics_dir()
        _check_keys()
        _check_address(server)
    except Fault as fault:
        on_exit(server)
        sys.exit(f"squint: {fault}")
    _import_service()
    server.states = WorkerStates()
    # For SIGUSR2: gunicorn would start the file of `-m gunicorn` as a script, whose folder hides modules of Python's.
    server.START_CTX["args"] = list(sys.orig_argv)
    # Readiness waits for these; a model that is added later cannot take it away from the others.
    os.environ["SQUINT_MODELS_AT_START"] = json.dumps(names)
    for name, meant in misspelt().items():
        _log.warning("%s is no setting and changes nothing; is %s meant?", name, meant)
    if settings.open_to_others:
        _log.warning("listening on %s without keys: whoever reaches it may use it; see docs/security.md", settings.host)


def _import_service() -> None:
    """Imports the code that every worker needs: workers share its memory, and a new one is ready sooner.

    Modules only: no model is loaded, whose engine's threads would not survive the fork, and never TensorFlow.
    """
    engine = [] if settings.engine == "tensorflow" else ["ai_edge_litert.interpreter"]
    for name in ("service.app", "service.worker", "uvicorn.lifespan.on", "uvloop", *engine):
        with suppress(ImportError):  # the worker that needs it reports what is missing
            importlib.import_module(name)
    for name in kinds.names():
        kinds.find(name)
    gc.collect()
    # Pages that the garbage collector writes to would be shared no more.
    gc.freeze()


def _check_keys() -> None:
    try:
        if settings.api_keys_file:
            auth.read(settings.api_keys_file)
    except Fault as fault:
        raise SettingsFault(f"SQUINT_API_KEYS_FILE={str(settings.api_keys_file)!r}: {fault}") from fault


def _check_metrics_dir() -> None:
    name = f"PROMETHEUS_MULTIPROC_DIR={str(_metrics_dir)!r}"
    if not os.access(_metrics_dir, os.W_OK):
        raise SettingsFault(f"{name}: is no folder that can be written to")
    needed_kib = workers * _METRICS_KIB
    if shutil.disk_usage(_metrics_dir).free < needed_kib * 1024:
        raise SettingsFault(f"{name}: has no room for metrics; free {needed_kib} KiB there, or name another folder")


def _check_address(server: Any) -> None:
    """Waits a moment for a program that listens there to end, as gunicorn does, but names the settings."""
    # Listeners that are handed down, as by SIGUSR2 or systemd, and an address by gunicorn's own options are not ours.
    if server.cfg.bind != [bind] or server.systemd or "GUNICORN_FD" in os.environ:
        return
    address = f"SQUINT_HOST={settings.host!r}, SQUINT_PORT={settings.port}"
    deadline = time.monotonic() + _ADDRESS_WITHIN_S
    while (error := _listen_error(settings.host, settings.port)) is not None:
        if error.errno in (errno.EACCES, errno.EPERM):
            text = "permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE, so choose a higher one"
            raise SettingsFault(f"{address}: {text}") from error
        if error.errno != errno.EADDRINUSE:
            raise SettingsFault(f"{address}: {error.strerror}; it must be an address of this machine") from error
        if time.monotonic() > deadline:
            text = "address in use: another program listens there; stop it, or choose another port"
            raise SettingsFault(f"{address}: {text}") from error
        time.sleep(0.1)


def _listen_error(host: str, port: int) -> OSError | None:
    """Why nobody can listen there at this moment."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def on_reload(server: Any) -> None:
    """SIGHUP: the workers there are stay until a new one is ready."""
    server.states.replace_all()


def pre_exec(server: Any) -> None:
    """SIGUSR2: another gunicorn takes over the listener, so that a stop of this one need not wait."""
    server.states.replace_all()


def pre_fork(server: Any, worker: Any) -> None:
    """Gives a worker the states of all, and a folder for its metrics, whatever became of that."""
    with suppress(OSError):
        _metrics_dir.mkdir(exist_ok=True)
    worker.states = server.states
    server.states.add(worker.age)


def post_fork(server: Any, worker: Any) -> None:
    """Has a worker write its log in the background."""
    logs.start_background()


def child_exit(server: Any, worker: Any) -> None:
    """Forgets a dead worker and its gauges; its counts stay."""
    from prometheus_client.multiprocess import mark_process_dead

    server.states.remove(worker.age)
    # An error of the disk would end the service.
    with suppress(OSError):
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Removes the metrics of this start."""
    if _metrics_dir.name.startswith(_OWN):
        shutil.rmtree(_metrics_dir, ignore_errors=True)
