"""Many runs at once on a Ray cluster, an extra: `pip install -r requirements/ray.txt`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import service
import training
from service.errors import Fault
from training import dataset, recipe
from training import run as runs
from training.recipe import Recipe
from training.run import Result

# A task has one core, and TensorFlow takes all that it sees.
_ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


class NoRay(Fault):
    """Ray is asked for and not installed, or not to be reached."""

    code = "no_ray"


class RunsFailed(Fault):
    """Some of many runs came to nothing; the lines say which and why."""

    code = "runs_failed"


class Finished(NamedTuple):
    """A recipe and a seed, and what they gave."""

    recipe: Recipe
    seed: int
    result: Result


def run_all(
    wanted: Sequence[tuple[Recipe, int]], runs_dir: Path, data_dir: Path | None, address: str | None
) -> Iterator[Finished]:
    """Trains every recipe with its seed, one core each, and gives what is finished first first.

    One that fails does not end the others: RunsFailed names those that did, after the last one.

    `address` is a cluster's, as `ray.init` takes it; None starts one on this machine. Runs and data lie where the
    workers find them: on a cluster on storage that all of them share. Raises NoRay.
    """
    ray = _connected(address)
    try:
        job = ray.remote(num_cpus=1, max_calls=1)(_train)
        tasks = {job.remote(recipe.to_plain(found), seed, str(runs_dir.resolve()), _resolved(data_dir)): (found, seed)
                 for found, seed in wanted}  # fmt: skip
        failed = []
        while tasks:
            (done,), _ = ray.wait(list(tasks), num_returns=1)
            found, seed = tasks.pop(done)
            try:
                result = Result(**ray.get(done))
            except ray.exceptions.RayError as error:  # the task's own, or the death of its process
                failed.append(f"{found.name}, seed {seed}: {str(error).strip().splitlines()[-1]}")
            else:
                yield Finished(found, seed, result)
        if failed:
            raise RunsFailed("\n".join([f"{len(failed)} of {len(wanted)} runs failed:", *failed]))
    finally:
        ray.shutdown()


def _connected(address: str | None) -> ModuleType:
    try:
        import ray
    except ImportError as error:
        raise NoRay(f"--ray needs the extra: pip install --require-hashes -r requirements/ray.txt ({error})") from error
    packages = [str(Path(package.__file__ or "").parent) for package in (service, training)]
    try:
        environment = {"py_modules": packages, "env_vars": _ONE_THREAD}
        ray.init(address=address, runtime_env=environment, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise NoRay(f"no Ray cluster can be used at {address or 'this machine'}: {error}") from error
    return ray


def _resolved(path: Path | None) -> str | None:
    return str(path.resolve()) if path else None


def _train(plain: Mapping[str, Any], seed: int, runs_dir: str, data_dir: str | None) -> dict[str, Any]:
    """In a worker's process, which Ray ends afterwards: Keras keeps state."""
    from training.train import train

    run = runs.create(Path(runs_dir), recipe.from_plain(plain), seed)
    data_set = dataset.find(run.recipe.data_set, run.recipe.data_options)
    return train(run, data_set, dataset.load(data_set, Path(data_dir) if data_dir else None))._asdict()
