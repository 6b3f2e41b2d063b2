"""One training over several devices, or over processes on several machines, by Keras' own distribution."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import keras

from service.errors import Fault
from training import backend

_JOB = "KERAS_DISTRIBUTION_JOB_ADDRESSES"


class NotSpread(Fault):
    """The job cannot be joined; the sentence says why."""

    code = "not_spread"


class Share(NamedTuple):
    """The part of this process in a job: every process takes every `processes`-th picture of each batch."""

    process: int = 0
    processes: int = 1
    devices: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes what comes of the job."""
        return self.process == 0


def leads() -> bool:
    """Whether this process is a job's first, or the only one; what comes of a run is its to write."""
    return os.environ.get("KERAS_DISTRIBUTION_PROCESS_ID", "0") == "0"


def join() -> Share:
    """Joins the job that Keras' KERAS_DISTRIBUTION_* variables name; without them, all devices of this machine.

    To be called before anything is computed. Raises NotSpread on another backend than JAX: TensorFlow's strategies for
    several machines do not work under Keras 3.
    """
    if _JOB not in os.environ:
        return Share(devices=len(keras.distribution.list_devices()) if backend.name() == "jax" else 1)
    if backend.name() != "jax":
        raise NotSpread(f"{_JOB} is set: training on several machines needs KERAS_BACKEND=jax, not {backend.name()}")
    import jax

    if not jax.distributed.is_initialized():
        keras.distribution.initialize()
    return Share(jax.process_index(), jax.process_count(), jax.device_count())


def check_batch(share: Share, batch_size: int) -> None:
    """Raises NotSpread if a batch has not a picture for each device."""
    if batch_size < share.devices:
        raise NotSpread(f"a batch of {batch_size} pictures cannot be divided among {share.devices} devices")


@contextmanager
def over(share: Share) -> Iterator[None]:
    """Within it models are made on all devices of the job, and each batch is divided among them."""
    if share.devices == 1:
        yield
        return
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    try:
        yield
    finally:
        keras.distribution.set_distribution(None)


@contextmanager
def alone() -> Iterator[None]:
    """Within it models are made, and answer, on this process' own first device."""
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)
