"""A refined recipe trains in two parts, each with its own learning rate and augmentation."""

import pytest

from tests import tiny
from training import model, recipe
from training.recipe import Augmentation, Optimizer, Recipe, Refinement

STEPS = 10


def refined() -> Recipe:
    tiny.install()
    return recipe.find("tiny").with_(
        epochs=6,
        optimizer=Optimizer(name="sgd", learning_rate=1.0, warmup=0.25, lookahead_steps=5),
        augmentation=Augmentation(noise=1.0),
        refinement=Refinement(epochs=2, learning_rate=0.5, augmentation=Augmentation()),
    )


def rate(at: int, of: Recipe | None = None) -> float:
    optimizer = model.optimizer(of or refined(), STEPS)
    optimizer.iterations.assign(at)
    return float(optimizer.learning_rate)


def test_each_epoch_belongs_to_one_phase() -> None:
    assert [refined().phase(epoch).first for epoch in range(6)] == [0, 0, 0, 0, 4, 4]
    assert [phase.epochs for phase in refined().phases] == [4, 2]
    assert [phase.epochs for phase in recipe.find("tiny").phases] == [3]


def test_the_learning_rate_rises_and_falls_once_a_phase() -> None:
    found = [rate(step) for step in range(6 * STEPS)]
    assert found[10] == pytest.approx(1.0) and max(found) == pytest.approx(1.0)
    assert found[39] < 0.01 and found[40] < 0.05
    assert max(found[40:]) == found[45] == pytest.approx(0.5) and found[59] < 0.01


def test_a_constant_rate_is_another_one_from_the_refinement_on() -> None:
    constant = refined().with_(optimizer=Optimizer(name="sgd", learning_rate=1.0, schedule="constant"))
    rates = [rate(step, constant) for step in (0, 4 * STEPS - 1, 4 * STEPS, 6 * STEPS - 1)]
    assert rates == pytest.approx([1.0, 1.0, 0.5, 0.5])
    assert rate(7, constant.with_(refinement=None)) == 1.0


def test_a_recipe_for_fewer_epochs_than_its_refinement_is_not_refined() -> None:
    assert recipe.with_epochs(refined(), 2).refinement is None
    assert [phase.epochs for phase in recipe.with_epochs(refined(), 10).phases] == [8, 2]


def test_a_refined_recipe_is_found_again_from_json() -> None:
    again = Recipe.model_validate_json(refined().model_dump_json())
    assert again.refinement == refined().refinement
    assert recipe.fingerprint(again) == recipe.fingerprint(refined())
    assert recipe.fingerprint(again) != recipe.fingerprint(refined().with_(refinement=None))
