"""A run's folder: one recipe, one seed, and everything that came of them.

runs/<recipe>-seed<n>-<fingerprint>/
recipe.json      what is trained
checkpoint.npz   weights, optimiser, random state and history after the last finished epoch
history.json     one entry an epoch
test.json        what it got on the test split; there once it is finished
export/<name>/1/ the version folder, in the layout of models/: it can be served as it is
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from service.errors import Fault
from training import atomic, recipe
from training.recipe import Recipe

Epoch = dict[str, float]


class RunFault(Fault):
    """A run's folder is not what it should be."""

    code = "run_fault"


class Checkpoint(NamedTuple):
    """The state after a finished epoch: every variable of model, augmentation and optimiser, and what was measured.

    `precision` is the Keras dtype policy that the run has been computed with.
    """

    variables: Sequence[NDArray[np.generic]]
    history: list[Epoch]
    precision: str


class Result(NamedTuple):
    """What a finished run gives, the seconds its epochs took, on what, and by the code of which commit."""

    test_loss: float
    test_accuracy: float
    train_accuracy: float
    seconds: float
    parameters: int
    device: str
    commit: str | None


@dataclass(frozen=True)
class Run:
    """A recipe and a seed, and where their files lie."""

    recipe: Recipe
    seed: int
    folder: Path

    @property
    def export_dir(self) -> Path:
        """The version folder this run exports."""
        return self.folder / "export" / self.recipe.name / "1"

    def result(self) -> Result | None:
        """What the finished run was measured to give, or None if it is not finished."""
        path = self.folder / "test.json"
        return Result(**json.loads(path.read_text())) if path.exists() else None

    def save_result(self, result: Result) -> None:
        """Keeps what the finished run gives."""
        atomic.write_text(self.folder / "test.json", json.dumps(result._asdict(), indent=2) + "\n")

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes history and checkpoint; a kill at any moment leaves the old or the new checkpoint."""
        arrays = {f"v{index:04}": variable for index, variable in enumerate(checkpoint.variables)}
        rest = json.dumps({"history": checkpoint.history, "precision": checkpoint.precision})
        with atomic.new_file(self.folder / "checkpoint.npz") as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, rest=np.frombuffer(rest.encode(), np.uint8), **arrays)
        atomic.write_text(self.folder / "history.json", json.dumps(checkpoint.history, indent=2) + "\n")

    def tidy(self) -> None:
        """Removes what killed processes left half written; the caller holds the folder."""
        for name in ("checkpoint.npz", "history.json", "test.json"):
            atomic.clear(self.folder / name)

    def load(self) -> Checkpoint | None:
        """The last checkpoint, or None if no epoch was finished."""
        path = self.folder / "checkpoint.npz"
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            variables = [arrays[name] for name in sorted(arrays.files) if name != "rest"]
            return Checkpoint(variables, **json.loads(arrays["rest"].tobytes()))


def create(runs_dir: Path, chosen: Recipe, seed: int) -> Run:
    """The run of a recipe and a seed; its folder is made, or found again by the same recipe."""
    folder = runs_dir / f"{chosen.name}-seed{seed}-{recipe.fingerprint(chosen)}"
    folder.mkdir(parents=True, exist_ok=True)
    stated = {"recipe": chosen.model_dump(mode="json"), "seed": seed}
    atomic.write_text(folder / "recipe.json", json.dumps(stated, indent=2) + "\n")
    return Run(chosen, seed, folder)


def open_run(folder: Path) -> Run:
    """The run in a folder; raises RunFault if there is none."""
    path = folder / "recipe.json"
    try:
        stated = json.loads(path.read_text())
        return Run(Recipe.model_validate(stated["recipe"]), int(stated["seed"]), folder)
    except ValidationError as error:
        unknown = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise RunFault(
            f"{folder} was made by another version of this program, whose recipes differ in: {unknown}; train it again"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunFault(f"{folder} is not a run of `python -m training train`: {error}") from error
