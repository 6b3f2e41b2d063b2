"""What a person sees while a run trains: a live bar on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from training.run import Epoch, Run


class Progress:
    """A context in which `fit` reports; the bar counts the batches of the whole run.

    `curves` is told each finished epoch too.
    """

    def __init__(self, curves: Callable[[Epoch], None] | None = None) -> None:
        self._curves = curves
        self._console = Console(highlight=False, soft_wrap=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[measured]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._epochs = self._done = 0

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def start(self, run: Run, *, device: str, policy: str, done: int) -> None:
        """Says what is trained on what, and whether it goes on from an earlier call."""
        self._epochs, self._done = run.recipe.epochs, done
        self._bar.print(f"{run.folder}: {run.recipe.title}; seed {run.seed}; {device}, {policy}")
        if done:
            self._bar.print(f"resumed after epoch {done} of {self._epochs}")

    def on_batch(self, batch: int, batches: int, logs: Mapping[str, float]) -> None:
        """Moves the bar to a batch of the running epoch."""
        if self._task is None:
            self._task = self._bar.add_task("", total=self._epochs * batches, measured="")
        self._bar.update(
            self._task,
            description=f"epoch {self._done + 1}/{self._epochs}",
            completed=self._done * batches + batch,
            measured=f"loss {logs['loss']:.3f}  accuracy {logs['accuracy']:.3f}",
        )

    def on_epoch(self, measured: Epoch) -> None:
        """Prints one line for a finished epoch."""
        self._done = int(measured["epoch"])
        line = f"epoch {self._done:3}/{self._epochs}  loss {measured['loss']:.4f}  accuracy {measured['accuracy']:.4f}"
        if "val_loss" in measured:
            line += f"  validation loss {measured['val_loss']:.4f}  accuracy {measured['val_accuracy']:.4f}"
        self._bar.print(line)
        if self._curves:
            self._curves(measured)
