"""Recipes are data: found by file name, kept as JSON, told apart by a fingerprint."""

import pytest

from training import dataset, recipe
from training.recipe import Recipe, UnknownRecipe


def test_every_recipe_names_a_data_set_there_is() -> None:
    for found in recipe.all_recipes().values():
        assert found.data_set in {*dataset.all_data_sets(), "folder"}


def test_the_three_shipped_recipes_are_there() -> None:
    assert {"mnist", "fashion_mnist", "cifar10"} <= set(recipe.all_recipes())


@pytest.mark.parametrize("name", sorted(recipe.all_recipes()))
def test_a_recipe_survives_json(name: str) -> None:
    found = recipe.find(name)
    again = Recipe.model_validate_json(found.model_dump_json())
    assert again.model_dump(mode="json") == found.model_dump(mode="json")
    assert recipe.fingerprint(again) == recipe.fingerprint(found)


def test_only_what_decides_the_weights_changes_the_fingerprint() -> None:
    found = recipe.find("mnist")
    assert recipe.fingerprint(found.with_(title="x")) == recipe.fingerprint(found)
    assert recipe.fingerprint(recipe.with_epochs(found, 99)) != recipe.fingerprint(found)


def test_an_unknown_recipe_is_told_the_known_ones() -> None:
    with pytest.raises(UnknownRecipe, match="fashion_mnist"):
        recipe.find("nope")


def test_a_default_decides_the_weights_like_any_other_value() -> None:
    class Later(Recipe):
        label_smoothing: float = 0.3

    stated = recipe.find("mnist_mlp").model_dump(exclude={"label_smoothing"})
    assert recipe.fingerprint(Later(**stated)) != recipe.fingerprint(Recipe(**stated))


def test_a_recipe_with_an_unknown_or_wrong_field_is_refused() -> None:
    for changes in ({"epoch": 3}, {"epochs": "many"}):
        with pytest.raises(ValueError, match="epoch"):
            recipe.find("mnist").with_(**changes)
