"""The SavedModel itself, through TensorFlow: the artefact and the truth."""

import gc
from functools import cache
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from service.inference.engines import Infer, Output
from service.manifest import LOGITS_NAME, PROBABILITIES_NAME, SIGNATURE

# More would only take memory: the cost per image is flat from here on.
_MAX_BATCH = 64


def load(folder: Path, threads: int) -> Infer:
    """An engine on the `serving_default` signature, one core an operation and `threads` calls at once."""
    _limit_threads(threads)
    _free_what_was_let_go()
    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures[SIGNATURE]
    (name,) = signature.structured_input_signature[1]

    def answer(images: NDArray[np.uint8]) -> Output:
        outputs = signature(**{name: tf.constant(images)})
        return Output(outputs[PROBABILITIES_NAME].numpy(), outputs[LOGITS_NAME].numpy())

    def infer(images: NDArray[np.uint8]) -> Output:
        # The closure keeps `loaded`: a signature alone does not keep its variables alive.
        assert loaded is not None
        parts = [answer(images[start : start + _MAX_BATCH]) for start in range(0, len(images), _MAX_BATCH)]
        probabilities, logits = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Output(probabilities, logits)

    return infer


def _free_what_was_let_go() -> None:
    """A SavedModel is a web of cycles that Python's collector finds late: without this, 60 reloads took 300 MB."""
    _keep_the_library_for_good()
    gc.collect()


@cache
def _keep_the_library_for_good() -> None:
    """TensorFlow's own objects stay; looking through them as well takes 0.3 s, in which no thread runs, not 4 ms."""
    gc.freeze()


def _limit_threads(threads: int) -> None:
    """TensorFlow's own pools are sized by the host's cores, not by what is allotted; only the first call counts."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        return  # TensorFlow runs already, with the threads that another version or a training set
