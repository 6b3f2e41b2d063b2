"""Atienza's table 1.3.3: an MLP on MNIST by regulariser, optimiser and width, 18 rows.

The table names three widths a row where the listing beside it has two hidden layers; 256-512-256 makes sense only as
three, so three it is. The text states 20 epochs, batch 128 and default optimisers. `mnist_mlp_table_long` is the rows
of SGD again, at a length that reaches what they report.
"""

from typing import Any, Literal, NamedTuple

from training.recipe import Optimizer, Recipe, Reported

_LEARNING_RATES = {"sgd": 0.01, "adam": 1e-3, "rmsprop": 1e-3}  # Keras' defaults


class _Row(NamedTuple):
    units: tuple[int, int, int]
    regulariser: dict[str, float]
    optimizer: Literal["sgd", "adam", "rmsprop"]
    train: float
    test: float
    activation: str | None = "relu"


_ROWS = (
    _Row((256, 256, 256), {}, "sgd", 0.9365, 0.925, activation=None),
    _Row((256, 256, 256), {"l2": 0.001}, "sgd", 0.9935, 0.980),
    _Row((256, 256, 256), {"l2": 0.01}, "sgd", 0.9690, 0.967),
    _Row((256, 256, 256), {}, "sgd", 0.9993, 0.980),
    _Row((256, 256, 256), {"dropout": 0.4}, "sgd", 0.9823, 0.981),
    _Row((256, 256, 256), {"dropout": 0.45}, "sgd", 0.9807, 0.981),
    _Row((256, 256, 256), {"dropout": 0.5}, "sgd", 0.9768, 0.981),
    _Row((256, 256, 256), {"dropout": 0.6}, "sgd", 0.9711, 0.979),
    _Row((256, 512, 256), {"dropout": 0.45}, "sgd", 0.9821, 0.982),
    _Row((512, 512, 512), {"dropout": 0.2}, "sgd", 0.9945, 0.983),
    _Row((512, 512, 512), {"dropout": 0.4}, "sgd", 0.9895, 0.983),
    _Row((512, 1024, 512), {"dropout": 0.45}, "sgd", 0.9890, 0.982),
    _Row((1024, 1024, 1024), {"dropout": 0.4}, "sgd", 0.9937, 0.983),
    _Row((256, 256, 256), {"dropout": 0.6}, "adam", 0.9864, 0.982),
    _Row((256, 256, 256), {"dropout": 0.55}, "adam", 0.9902, 0.983),
    _Row((256, 256, 256), {"dropout": 0.45}, "adam", 0.9939, 0.985),
    _Row((256, 256, 256), {"dropout": 0.45}, "rmsprop", 0.9875, 0.981),
    _Row((128, 128, 128), {"dropout": 0.45}, "adam", 0.9870, 0.977),
)


def _recipe(number: int, row: _Row) -> Recipe:
    options: dict[str, Any] = {"units": row.units, "activation": row.activation, **row.regulariser}
    regulariser = next((f"{name} {value}" for name, value in row.regulariser.items()), "no regulariser")
    widths = "-".join(str(width) for width in row.units)
    return Recipe(
        name=f"mnist_mlp_table_{number:02}",
        title=f"{widths}, {regulariser}, {row.optimizer}" + ("" if row.activation else ", no ReLU"),
        family="mnist_mlp_table",
        reported=Reported(source="Atienza, table 1.3.3", test=row.test, train=row.train),
        data_set="mnist",
        network="mlp",
        network_options=options,
        epochs=20,
        batch_size=128,
        optimizer=Optimizer(name=row.optimizer, learning_rate=_LEARNING_RATES[row.optimizer], schedule="constant"),
        scaling="unit",
        validation_images=0,
        precision="float32",
    )


def _long(recipe: Recipe) -> Recipe:
    return recipe.with_(name=f"{recipe.name}_long", family="mnist_mlp_table_long", epochs=200)


_TABLE = tuple(_recipe(number, row) for number, row in enumerate(_ROWS, start=1))

RECIPES = (*_TABLE, *(_long(recipe) for recipe in _TABLE if recipe.optimizer.name == "sgd"))
