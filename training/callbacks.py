"""What happens around the steps of a training: averaged weights, checkpoints, progress, and a heeded Ctrl-C."""

import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import keras
from keras import ops
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from service.errors import Fault
from training.recipe import Phase
from training.run import Epoch, Run

Logs = Mapping[str, float] | None

TENSORBOARD_FOLDER = "tensorboard"
# The slow weights forget by this much a step when the run ends; at its start they are the fast ones.
_KEPT_A_STEP = 0.95


class NoTensorBoard(Fault):
    """TensorBoard is asked for and not installed."""

    code = "no_tensorboard"


class EpochBegin(keras.callbacks.Callback):
    """Calls a function with the number of each epoch, from 0, before its first batch is made.

    PyDataset's own `on_epoch_end` would not do: Keras calls it once before the first epoch too.
    """

    def __init__(self, begin: Callable[[int], None]) -> None:
        super().__init__()
        self._begin = begin

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Calls the function."""
        self._begin(epoch)


class Pull(NamedTuple):
    """Every so many steps, and at the end of each epoch, by a weight that rises from `first_step` on."""

    every: int
    first_step: int
    total_steps: int

    def kept(self, steps_done: float) -> float:
        """How much of the slow weights is left, from 0 to 1, when so many steps of the run are done.

        0.95 ** every · (t / T)³ with t of T steps done (Zhang et al. 2019, arXiv 1907.08610; the rising weight is
        airbench's, Jordan 2024, arXiv 2404.00498).
        """
        return _KEPT_A_STEP**self.every * ((steps_done - self.first_step) / self.total_steps) ** 3


def pull_of(every: int, phase: Phase, steps_per_epoch: int) -> Pull:
    """What pulls the weights of one phase."""
    return Pull(every, steps_per_epoch * phase.first, steps_per_epoch * phase.epochs)


class Lookahead(keras.callbacks.Callback):
    """Pulls the weights back, after each execution of `steps_per_execution` steps, to a slow average of themselves.

    The statistics of batch normalisation are averaged too. As the last execution of an epoch ends with it, the slow
    weights need no place in a checkpoint.
    """

    def __init__(self, network: keras.Model, pull: Callable[[int], Pull]) -> None:
        super().__init__()
        self._averaged = [variable for variable in network.variables if "float" in variable.dtype]
        self._pull_of = pull

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """The slow weights start where the epoch does."""
        self._pull = self._pull_of(epoch)
        self._slow = [ops.copy(variable.value) for variable in self._averaged]

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Keras calls this once an execution."""
        # On JAX, `self.model` first puts the values of the step into the variables.
        kept = self._pull.kept(float(self.model.optimizer.iterations))
        for index, variable in enumerate(self._averaged):
            self._slow[index] = kept * self._slow[index] + (1 - kept) * variable.value
            # A copy: JAX gives a variable's own array away to the next step.
            variable.assign(ops.copy(self._slow[index]))


class Checkpoints(keras.callbacks.Callback):
    """Keeps the history and saves the state of the run after each epoch, by `save`.

    Unlike keras.callbacks.BackupAndRestore, which writes weights and epoch one after the other: a process killed
    between the two would repeat an epoch on the weights that it gave.
    """

    def __init__(self, history: list[Epoch], save: Callable[[list[Epoch]], None]) -> None:
        super().__init__()
        self._history, self._save = history, save

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Starts the clock."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Notes what Keras measured."""
        rate, seconds = float(self.model.optimizer.learning_rate), time.perf_counter() - self._started
        measured = {name: float(value) for name, value in (logs or {}).items()}
        self._history.append({"epoch": epoch + 1, **measured, "learning_rate": rate, "seconds": round(seconds, 2)})
        self._save(self._history)


class Display(keras.callbacks.Callback):
    """A bar over the batches of the whole run on a terminal, a line an epoch elsewhere."""

    def __init__(self, epochs: int, batches: int) -> None:
        super().__init__()
        self._epochs, self._batches, self._epoch = epochs, batches, 0
        console = Console(highlight=False, soft_wrap=True, markup=False)
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[measured]}"),
            TimeElapsedColumn(), TimeRemainingColumn(),
        )  # fmt: skip
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)

    def __enter__(self) -> "Display":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, run: Run, device: str, precision: str, done: int) -> None:
        """Says what is trained on what, and whether it goes on from an earlier call."""
        self._bar.print(f"{run.folder}: {run.recipe.title}; seed {run.seed}; {device}, {precision}")
        if done:
            self._bar.print(f"resumed after epoch {done} of {self._epochs}")
        total = self._epochs * self._batches
        self._task = self._bar.add_task("", total=total, completed=done * self._batches, measured="")

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Epochs are counted from 0."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Moves the bar."""
        self._bar.update(
            self._task,
            description=f"epoch {self._epoch + 1}/{self._epochs}",
            # Keras counts the last execution as if it were whole.
            completed=self._epoch * self._batches + min(batch + 1, self._batches),
            measured=_measured(logs or {}, "", 3),
        )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Prints one line for a finished epoch."""
        logs = logs or {}
        line = f"epoch {epoch + 1:3}/{self._epochs}  {_measured(logs, '', 4)}"
        self._bar.print(line + (f"  validation {_measured(logs, 'val_', 4)}" if "val_loss" in logs else ""))


def _measured(logs: Mapping[str, float], prefix: str, digits: int) -> str:
    loss, accuracy = logs[f"{prefix}loss"], logs[f"{prefix}accuracy"]
    return f"loss {loss:.{digits}f}  accuracy {accuracy:.{digits}f}"


def tensorboard(run_dir: Path) -> keras.callbacks.TensorBoard:
    """Curves for TensorBoard, below the run; raises NoTensorBoard where the extra is not installed."""
    try:
        import tensorboard as _  # noqa: F401
    except ImportError as error:
        raise NoTensorBoard(
            f"--tensorboard needs the extra: pip install --require-hashes -r requirements/tensorboard.txt ({error})"
        ) from error
    return keras.callbacks.TensorBoard(log_dir=str(run_dir / TENSORBOARD_FOLDER), write_graph=False)


class Interruption(keras.callbacks.Callback):
    """Has Ctrl-C end the training after the batch at hand, where it means that and not something else.

    The KeyboardInterrupt that Python raises is lost if it comes while an object is finalised, or in a thread of the
    input pipeline.
    """

    _before: Any = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Takes over the signal."""
        self._is_pressed = False
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            try:
                self._before = signal.signal(signal.SIGINT, self._press)
            except ValueError:  # not the main thread
                return

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self._is_pressed:  # a second time: at once
            raise KeyboardInterrupt
        self._is_pressed = True

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Raises KeyboardInterrupt if Ctrl-C was pressed."""
        if self._is_pressed:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Raises KeyboardInterrupt if Ctrl-C was pressed."""
        self.on_train_batch_end(0)

    def release(self) -> None:
        """Gives the signal back; to be called however the training ended."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
