"""gunicorn's configuration, from the service's settings; gunicorn reads the names below."""

import errno
import gc
import importlib
import json
import logging
import math
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from gunicorn.arbiter import Arbiter

from service import heap, keys, logs
from service.errors import Fault
from service.inference import folders, shared
from service.manifest import LITERT_FILE
from service.server import steady
from service.server.balance import Balance
from service.settings import MODELS_AT_START, SettingsFault, misspelt, read_settings

if TYPE_CHECKING:
    from service.api.telemetry.tally import Dead
    from service.server.worker import PatientWorker

_log = logging.getLogger("service")
_ADDRESS_WITHIN_S = 5
try:
    settings = read_settings()
except Fault as fault:
    sys.exit(f"squint: {fault}")

# Read by prometheus_client and TensorFlow when a worker imports them. A folder the operator names stays his; our own
# is kept when SIGHUP has this file read again, and not shared with the gunicorn that SIGUSR2 starts beside this one.
_OWN = f"squint-metrics-{os.getpid()}-"
_metrics_dir = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR", "squint-metrics-"))
if _metrics_dir.name.startswith("squint-metrics-") and not _metrics_dir.name.startswith(_OWN):
    try:
        _metrics_dir = Path(tempfile.mkdtemp(prefix=_OWN))
    except OSError as error:
        sys.exit(
            f"squint: no folder can be made for the workers' counts: {error}; mount one at /tmp, or name it by TMPDIR"
        )
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics_dir)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

wsgi_app = "service.app:create_app()"
bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
workers = settings.workers
worker_class = "service.server.worker.PatientWorker"
threads = settings.request_threads
# Never true: TensorFlow does not survive a fork, and hangs in the workers.
preload_app = False
timeout = settings.worker_timeout_s
# Workers end by themselves within the two; this is when the parent loses patience.
graceful_timeout = math.ceil(settings.drain_delay_s) + settings.drain_timeout_s + 1
keepalive = 5
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
# The heartbeat file must not wait for a disk.
worker_tmp_dir = str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None
# No client may set SCRIPT_NAME or PATH_INFO by a header.
forwarder_headers = ""
# It writes below $HOME, which a read-only container has not.
control_socket_disable = True
logger_class = "service.server.gunicorn_log.WithoutAccess"
logconfig_dict = logs.configuration(settings.log_format, settings.log_level)
# Pillow's of broken metadata, for one.
logging.captureWarnings(True)


def on_starting(server: Arbiter) -> None:
    """Ends the start with the reason if some model cannot be served; the workers check what needs an engine."""
    try:
        names = folders.check_start(settings.models_dir, settings.engine)
        _check_keys()
        _check_metrics_dir()
        _check_address(server)
    except Fault as fault:
        on_exit(server)
        sys.exit(f"squint: {fault}")
    steady.install()
    # Twice as many while all are replaced, and some that SIGTTIN adds.
    server.balance = Balance(seats=4 * settings.workers + 16)
    server.reload = partial(_reload, server.reload)
    _share_models()
    _share_code()
    # For SIGUSR2: gunicorn would start the file of `-m gunicorn` as a script, whose folder hides modules of Python's.
    server.START_CTX["args"] = list(sys.orig_argv)
    # Readiness waits for these; a model that is added later cannot take it away from the others.
    os.environ[MODELS_AT_START] = json.dumps(names)
    for name, meant in misspelt().items():
        _log.warning("%s is no setting and changes nothing; is %s meant?", name, meant)
    if settings.open_to_others:
        _log.warning("listening on %s without keys: whoever reaches it may use it; see docs/security.md", settings.host)


def _share_models() -> None:
    """Reads what every worker loads, unless the folder is away just now. TensorFlow reads its files itself."""
    with suppress(Fault):
        if settings.engine != "tensorflow":
            shared.keep(folders.files(settings.models_dir, LITERT_FILE))


def _share_code() -> None:
    """Imports what every worker needs: they share its memory, and one that takes another's place is there at once.

    Modules only: nothing of an engine, whose threads would not survive the fork, and no app.
    """
    importlib.import_module("service.app")
    importlib.import_module("service.server.worker")
    gc.collect()
    heap.trim()
    # Pages that the collector writes to would be shared no more.
    gc.freeze()


def _check_keys() -> None:
    try:
        if settings.api_keys_file:
            keys.read(settings.api_keys_file)
    except Fault as fault:
        raise SettingsFault(f"SQUINT_API_KEYS_FILE={str(settings.api_keys_file)!r}: {fault}") from fault


def _check_metrics_dir() -> None:
    if not os.access(_metrics_dir, os.W_OK):
        raise SettingsFault(f"PROMETHEUS_MULTIPROC_DIR={str(_metrics_dir)!r}: is no folder that can be written to")


def _check_address(server: Arbiter) -> None:
    """Waits a moment for whoever listens there to end, as gunicorn does, but says which settings are meant."""
    # Listeners that are handed down, as by SIGUSR2 or systemd, and an address by gunicorn's own options are not ours.
    if server.cfg.bind != [bind] or server.systemd or "GUNICORN_FD" in os.environ:
        return
    told = f"SQUINT_HOST={settings.host!r}, SQUINT_PORT={settings.port}"
    ends = time.monotonic() + _ADDRESS_WITHIN_S
    while (error := _no_listener(settings.host, settings.port)) is not None:
        if error.errno != errno.EADDRINUSE:
            raise SettingsFault(f"{told}: {error.strerror}; it must be an address of this machine") from error
        if time.monotonic() > ends:
            raise SettingsFault(f"{told}: another program listens there; stop it, or choose another port") from error
        time.sleep(0.1)


def _no_listener(host: str, port: int) -> OSError | None:
    """Why nobody could listen there now."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def _reload(replace_workers: Callable[[], None]) -> None:
    """For SIGHUP: not where the workers to come would have nothing to answer with."""
    try:
        folders.check_start(settings.models_dir, settings.engine)
    except Fault as fault:
        _log.error("not reloaded, what is loaded serves on: %s", fault)
    else:
        replace_workers()


def on_reload(server: Arbiter) -> None:
    """Tells the workers of now that others will take their place, and reads what these will load."""
    _share_models()
    for worker in server.WORKERS.values():
        worker.relief.ask()


def pre_exec(server: Arbiter) -> None:
    """Tells the workers of now that another gunicorn, which SIGUSR2 starts, listens beside them."""
    for worker in server.WORKERS.values():
        worker.relief.pass_on()


def pre_fork(server: Arbiter, worker: "PatientWorker") -> None:
    """Gives a worker to be its seat in the balance."""
    worker.seat = server.balance.take_seat()


def post_fork(server: Arbiter, worker: "PatientWorker") -> None:
    """Has a new worker answer malformed HTTP as a fault, need neither reader nor disk, keep little, relieve others."""
    from service.api import malformed
    from service.api.telemetry import reserved

    malformed.install()
    reserved.install()
    heap.give_back()
    for handler in logs.handlers():
        handler.write_in_background()
    logs.find_out_less()
    worker.balance = server.balance
    worker.succeed(server.WORKERS.values())
    if server.systemd:
        worker.relief.pass_on()


def post_worker_init(worker: "PatientWorker") -> None:
    """Has the first worker that is ready tell what is served."""
    if worker.age == 1:
        from service import startup

        startup.tell(worker.wsgi.extensions["registry"], settings)


def worker_exit(server: Arbiter, worker: "PatientWorker") -> None:
    """Writes the last lines of its log."""
    for handler in logs.handlers():
        handler.flush()


def child_exit(server: Arbiter, worker: "PatientWorker") -> None:
    """Takes a dead worker out of the balance and closes its gauges; its counts stay."""
    server.balance.free(worker.seat)
    _dead().bury(worker.pid, server.WORKERS)


def on_exit(server: Arbiter) -> None:
    """Removes the metrics of this start."""
    if _metrics_dir.name.startswith(_OWN):
        shutil.rmtree(_metrics_dir, ignore_errors=True)


@cache
def _dead() -> "Dead":
    # Not above: only a death needs it, and the start should not wait for it.
    from service.api.telemetry.tally import Dead

    return Dead(_metrics_dir)
