"""Very many files told by a Ray cluster, an extra (requirements/ray.txt); nothing else in the service knows Ray."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow
import ray
import ray.data
from numpy.typing import NDArray

import service
from service.errors import Fault
from service.offline.predict import Asked, Line, Source, Teller, find

# A core tells one file at a time, and TensorFlow takes all that it sees.
_ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
# Files that are handed over together.
_TAKEN = 64


class RayFault(Fault):
    """Ray cannot be reached, or cannot read what it was given."""

    code = "ray_fault"


def lines(teller: Teller, paths: Sequence[str], address: str) -> Iterator[Line]:
    """A line a file, in order; that of Ray Data where it lists the files.

    `address` is a cluster's, as `ray.init` takes it; `local` starts one on this machine. Every machine must reach the
    files: on storage that all of them share, or in an object store, by URIs such as `s3://bucket/folder`. The model
    need not be there: it travels with the job. Raises RayFault.
    """
    with connected(address):
        try:
            yield from told(teller, paths)
        except (OSError, ray.exceptions.RayError) as error:
            raise RayFault(f"Ray Data cannot go on: {str(error).strip().splitlines()[0]}") from error


@contextmanager
def connected(address: str) -> Iterator[None]:
    """A Ray whose workers know this package, for as long as the block runs; raises RayFault."""
    environment = {"py_modules": [str(Path(service.__file__ or "").parent)], "env_vars": _ONE_THREAD}
    quiet = {"log_to_driver": False, "include_dashboard": False, "logging_level": logging.WARNING}
    try:
        ray.init(address=address, runtime_env=environment, **quiet)
    except Exception as error:  # for some things Ray has no other class
        raise RayFault(f"no Ray cluster can be used at {address}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def told(teller: Teller, paths: Sequence[str]) -> Iterator[Line]:
    """The lines of `lines`, by the Ray that is connected."""
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    batches = _files(paths).map_batches(
        _Tellers,
        fn_constructor_args=(teller.asked, _packed(teller.folder), Path.cwd()),
        batch_size=_TAKEN,
        batch_format="pyarrow",
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=cores),
    )
    for batch in batches.iter_batches(batch_size=_TAKEN):
        yield from map(Line, batch["text"].tolist(), batch["failed"].tolist())


def _files(paths: Sequence[str]) -> ray.data.Dataset:
    """Sources as rows: without content where the tellers read, and then report, files by themselves."""
    if any("://" in path for path in paths):
        read = ray.data.read_binary_files(list(paths), include_paths=True)
        return read.rename_columns({"path": "file", "bytes": "content"})
    return ray.data.from_items([source._asdict() for source in find(paths)])


def _packed(folder: Path) -> Mapping[str, bytes]:
    """A version's files by their names."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


class _Tellers:
    """In a process of the cluster: the model as it was packed."""

    def __init__(self, asked: Asked, files: Mapping[str, bytes], here: Path) -> None:
        # Files may be named as they are seen from where the command was given.
        with suppress(OSError):
            os.chdir(here)
        with TemporaryDirectory() as models_dir:
            version = Path(models_dir, asked.model, str(asked.version))
            for name, content in files.items():
                (version / name).parent.mkdir(parents=True, exist_ok=True)
                (version / name).write_bytes(content)
            settings = asked.settings.model_copy(update={"models_dir": Path(models_dir)})
            self._teller = Teller(asked._replace(settings=settings))

    def __call__(self, batch: pyarrow.Table) -> dict[str, NDArray[Any]]:
        told = [self._teller.line(Source(**row)) for row in batch.to_pylist()]
        return {"text": np.array([line.text for line in told]), "failed": np.array([line.failed for line in told])}
