"""A data set and a recipe that train in seconds, added to the real ones by `install`."""

from pathlib import Path

import training.datasets
import training.recipes

_HERE = Path(__file__).parent


def install() -> None:
    """Has `training` find the data set `tiny` and the recipe `tiny` as it finds its own: by file name."""
    for package in (training.datasets, training.recipes):
        folder = str(_HERE / package.__name__.rpartition(".")[2])
        if folder not in package.__path__:
            package.__path__.append(folder)
