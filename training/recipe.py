"""A recipe is data: what to train on what and how; the trainer is code."""

import dataclasses
import hashlib
import importlib
import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from service.errors import Fault


class UnknownRecipe(Fault):
    """No recipe of that name exists."""

    code = "unknown_recipe"


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """An optimiser and its learning rate over the run.

    `one_cycle` rises linearly to `learning_rate` over the first `warmup` of all steps, then falls to 0 by half a cosine
    (Loshchilov & Hutter 2017, arXiv 1608.03983); `constant` does not change.
    """

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    momentum: float = 0.0
    schedule: Literal["constant", "one_cycle"] = "one_cycle"
    warmup: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How a training picture is changed each time it is seen; zero and False change nothing."""

    shift_pixels: int = 0
    mirror: bool = False
    cutout_pixels: int = 0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the weights but the seed and the versions of the libraries.

    `network` names a module of `training.networks`, `data_set` one of `training.datasets`. The last
    `validation_images` of the training split are held out: they choose and calibrate, and are never trained on.
    """

    name: str
    title: str
    data_set: str
    network: str
    network_options: Mapping[str, Any] = field(default_factory=dict)
    epochs: int
    batch_size: int
    optimizer: Optimizer = Optimizer()
    augmentation: Augmentation = Augmentation()
    label_smoothing: float = 0.0
    validation_images: int = 5000
    # "auto" computes in bfloat16 where the hardware has it; weights are float32 in either case.
    precision: Literal["auto", "float32"] = "auto"


def to_plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as what JSON can hold; `from_plain` gives it back."""
    # By JSON and back, so that tuples are lists at once and not only after the file was read.
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def from_plain(plain: Mapping[str, Any]) -> Recipe:
    """The recipe of `to_plain`; raises TypeError or KeyError for anything else."""
    parts = {"optimizer": Optimizer(**plain["optimizer"]), "augmentation": Augmentation(**plain["augmentation"])}
    return Recipe(**{**plain, **parts})


def fingerprint(recipe: Recipe) -> str:
    """Eight hexadecimal digits that change with any field that decides the weights."""
    deciding = {**to_plain(recipe), "title": ""}
    return hashlib.sha256(json.dumps(deciding).encode()).hexdigest()[:8]


def all_recipes() -> dict[str, Recipe]:
    """Every recipe of `training/recipes/`, by name: each module there holds a tuple `RECIPES`."""
    package = importlib.import_module("training.recipes")
    modules = [importlib.import_module(f"training.recipes.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    return {recipe.name: recipe for module in modules for recipe in module.RECIPES}


def find(name: str) -> Recipe:
    """The recipe of that name; raises UnknownRecipe with the names there are."""
    recipes = all_recipes()
    if name not in recipes:
        raise UnknownRecipe(f"no recipe is called {name!r}; there are: {', '.join(sorted(recipes))}")
    return recipes[name]


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The same recipe for another number of epochs; it gets a run of its own."""
    return dataclasses.replace(recipe, epochs=epochs)
