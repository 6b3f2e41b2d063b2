"""Every recipe of others is what its source describes: its parameters say so."""

import keras
import numpy as np
import pytest

from tests.conftest import REPOSITORY
from training import dataset, model, recipe, reproduce

PARAMETERS = {
    "cifar10_mlp": 830_250,
    "mnist_mlp": 269_322,
    "mnist_cnn": 80_266,
    "mnist_rnn": 75_530,
    "fashion_dense128": 101_770,
    "fashion_dense32": 25_450,
    "fashion_dense128_onehot": 101_770,
    "mnist_linear": 785,
    "mnist_sigmoid_regression": 7_971,
    "mnist_lenet5": 61_610,
    "mnist_conv20": 20_350,
}


def built(name: str) -> keras.Model:
    found = recipe.find(name)
    data_set = dataset.find(found.data_set)
    images = np.zeros((2, *data_set.input.shape), np.uint8)
    return model.build(found, data_set, images, "float32")


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_a_recipe_has_the_parameters_of_its_source(name: str, parameters: int) -> None:
    assert built(name).count_params() == parameters


def test_the_table_has_18_rows_and_its_sgd_rows_a_long_form() -> None:
    table, long = recipe.find_all("mnist_mlp_table"), recipe.find_all("mnist_mlp_table_long")
    assert len(table) == 18 and {row.epochs for row in table} == {20}
    assert len(long) == 13 and {row.optimizer.name for row in long} == {"sgd"}
    assert all(row.reported and row.reported.test and row.reported.train for row in table)


@pytest.mark.parametrize(("scaling", "low", "high"), [("unit", 0, 1), ("symmetric", -1, 1)])
def test_pixels_are_scaled_without_wrapping_around(scaling: str, low: float, high: float) -> None:
    layer = next(
        layer
        for name in recipe.all_recipes()
        if recipe.find(name).scaling == scaling
        for layer in built(name).layers
        if isinstance(layer, keras.layers.Rescaling)
    )
    shape = (1, 28, 28, 1) if len(layer.scale) == 1 else (1, 32, 32, 3)
    for pixel, value in ((0, low), (255, high)):
        assert np.allclose(layer(np.full(shape, pixel, np.uint8)), value)


def test_every_family_of_recipes_is_headed_in_the_document() -> None:
    families = {found.family for found in map(recipe.find, recipe.all_recipes()) if found.reported}
    assert families - {"tiny_family"} <= set(reproduce.FAMILIES)


def test_the_document_is_what_its_ledger_says() -> None:
    path = REPOSITORY / "docs" / "reproduction.md"
    assert path.read_text() == reproduce.document(reproduce.Ledger(path.with_suffix(".json")))
