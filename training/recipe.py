"""A recipe is data: what to train on what and how; the trainer is code."""

import hashlib
import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from service.errors import Fault, did_you_mean


class UnknownRecipe(Fault):
    """No recipe of that name exists."""

    code = "unknown_recipe"


class NotServable(Fault):
    """A recipe's network cannot be served; the sentence says why."""

    code = "not_servable"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Optimizer(_Part):
    """An optimiser and its learning rate over the run.

    `one_cycle` rises linearly to `learning_rate` over the first `warmup` of all steps, then falls to 0 by half a cosine
    (Loshchilov & Hutter 2017, arXiv 1608.03983); `constant` does not change. Momentum is Nesterov's. With
    `lookahead_steps` the weights are averaged every so many steps, see `training.callbacks.Lookahead`.
    """

    name: Literal["adamw", "adam", "rmsprop", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    momentum: float = 0.0
    schedule: Literal["constant", "one_cycle"] = "one_cycle"
    warmup: float = 0.2
    lookahead_steps: int = 0


class Augmentation(_Part):
    """How a training picture is changed each time it is seen; zero and False change nothing.

    `mirror` swaps left and right in every second epoch, in the other half of the pictures from the first one on
    (Jordan 2024, arXiv 2404.00498). `warped` is the part of the pictures that is turned, scaled, sheared and squashed
    by up to the amounts below it; `stroke`, `ground`, `light`, `blur` and `noise` are the parts changed so.
    """

    outside: Literal["mirrored", "black"] = "mirrored"
    shift_pixels: int = 0
    mirror: bool = False
    cutout_pixels: int = 0
    warped: float = 0.0
    turn_degrees: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    squash: float = 0.0
    stroke: float = 0.0
    ground: float = 0.0
    light: float = 0.0
    blur: float = 0.0
    noise: float = 0.0


class Refinement(_Part):
    """The last `epochs` of a recipe, by a learning rate cycle of their own and on pictures closer to the test split's.

    What was learnt from stronger augmentation stays to a part, at less cost in accuracy (He et al. 2019, arXiv
    1909.09148).
    """

    epochs: int
    learning_rate: float
    augmentation: Augmentation


class Phase(NamedTuple):
    """A part of a recipe's epochs, from `first` on, that has its own learning rate and augmentation."""

    first: int
    epochs: int
    learning_rate: float
    augmentation: Augmentation


class Reported(_Part):
    """What somebody else says a recipe gives, and where; accuracies from 0 to 1.

    `remark` says in a sentence what differs, once it was measured.
    """

    source: str
    test: float | None = None
    train: float | None = None
    remark: str = ""


class Recipe(_Part):
    """Everything that decides the weights but the seed and the versions of the libraries.

    `network` names a module of `training.networks`, `data_set` one of `training.datasets`. The last
    `validation_images` of the training split are held out: they choose and calibrate, and are never trained on.
    Under `squared_error` the network has one output, the class as a number: such a recipe is measured, never served.
    `family` names the recipes that are run and tabled together.
    """

    name: str
    title: str
    family: str = ""
    reported: Reported | None = None
    data_set: str
    # What a data set that is not one fixed collection needs to be found again, such as the folder of images.
    data_options: Mapping[str, Any] = Field(default_factory=dict)
    network: str
    network_options: Mapping[str, Any] = Field(default_factory=dict)
    epochs: int
    batch_size: int
    optimizer: Optimizer = Optimizer()
    augmentation: Augmentation = Augmentation()
    refinement: Refinement | None = None
    label_smoothing: float = 0.0
    loss: Literal["cross_entropy", "squared_error"] = "cross_entropy"
    # Of the pixels, inside the graph: by mean and deviation of the training images, to 0 … 1, or to −1 … 1.
    scaling: Literal["standardised", "unit", "symmetric"] = "standardised"
    validation_images: int = 5000
    # "auto" computes in bfloat16 where the hardware has it; weights are float32 in either case.
    precision: Literal["auto", "float32"] = "auto"

    def with_(self, **changes: object) -> "Recipe":
        """The recipe with other values in some fields, checked."""
        return Recipe.model_validate({**dict(self), **changes})

    @property
    def phases(self) -> list[Phase]:
        """The parts of training, one after the other."""
        refinement = self.refinement
        first = self.epochs - (refinement.epochs if refinement else 0)
        phases = [Phase(0, first, self.optimizer.learning_rate, self.augmentation)]
        if refinement:
            phases.append(Phase(first, refinement.epochs, refinement.learning_rate, refinement.augmentation))
        return phases

    def phase(self, epoch: int) -> Phase:
        """The part that an epoch, counted from 0, belongs to."""
        return [found for found in self.phases if found.first <= epoch][-1]


def fingerprint(recipe: Recipe) -> str:
    """Eight hexadecimal digits that change with any field that decides the weights, be it at its default or not."""
    deciding = recipe.model_dump_json(exclude={"title", "family", "reported"})
    return hashlib.sha256(deciding.encode()).hexdigest()[:8]


def all_recipes() -> dict[str, Recipe]:
    """Every recipe of `training/recipes/`, by name: each module there holds a tuple `RECIPES`."""
    package = importlib.import_module("training.recipes")
    modules = [importlib.import_module(f"training.recipes.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    return {recipe.name: recipe for module in modules for recipe in module.RECIPES}


def find(name: str) -> Recipe:
    """The recipe of that name; raises UnknownRecipe with the names there are."""
    recipes = all_recipes()
    if name not in recipes:
        hint = did_you_mean(name, {*recipes, *(recipe.family for recipe in recipes.values())})
        raise UnknownRecipe(f"no recipe is called {name!r}{hint}; there are: {', '.join(sorted(recipes))}")
    return recipes[name]


def find_all(name: str) -> list[Recipe]:
    """The recipe of that name, or every one of the family; raises UnknownRecipe."""
    return [recipe for recipe in all_recipes().values() if recipe.family == name] or [find(name)]


def for_data(
    recipe: Recipe,
    name: str,
    data_set: str,
    data_options: Mapping[str, Any],
    train_images: int,
    validation_images: int,
) -> Recipe:
    """The recipe for data of somebody's own, under the name of the model that it becomes.

    Few images get small batches: an epoch of fewer than about 20 steps leaves batch normalisation's averages behind.
    """
    return recipe.with_(
        name=name,
        title=f"{name}, from images of one's own",
        data_set=data_set,
        data_options=data_options,
        batch_size=min(recipe.batch_size, max(8, train_images // 20)),
        validation_images=validation_images,
    )


def check_servable(recipe: Recipe) -> None:
    """Raises NotServable for a recipe whose network gives no probabilities."""
    if recipe.loss != "cross_entropy":
        raise NotServable(f"{recipe.name} cannot be exported: it predicts the class as a number, without probabilities")


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The same recipe for another number of epochs, refined if any are left to refine; it gets a run of its own."""
    refinement = recipe.refinement if recipe.refinement and recipe.refinement.epochs < epochs else None
    return recipe.with_(epochs=epochs, refinement=refinement)
