"""Seconds long, and with everything in it that a real recipe has."""

from training.recipe import Augmentation, Optimizer, Recipe, Reported

_TINY = Recipe(
    name="tiny",
    title="bright quarters",
    data_set="tiny",
    network="airbench",
    network_options={"widths": (8, 8)},
    epochs=3,
    batch_size=32,
    optimizer=Optimizer(name="sgd", learning_rate=0.5, weight_decay=0.005, momentum=0.8, lookahead_steps=5),
    augmentation=Augmentation(shift_pixels=1, cutout_pixels=2, warped=0.2, turn_degrees=5, light=0.1),
    label_smoothing=0.1,
    validation_images=100,
    precision="float32",
)

RECIPES = (
    _TINY,
    Recipe(
        name="tiny_number",
        title="the quarter as a number",
        family="tiny_family",
        data_set="tiny",
        network="mlp",
        epochs=2,
        batch_size=32,
        optimizer=Optimizer(name="sgd", learning_rate=1e-3, schedule="constant"),
        loss="squared_error",
        scaling="unit",
        validation_images=100,
    ),
    Recipe(
        name="tiny_whole",
        title="bright quarters, all of them",
        family="tiny_family",
        reported=Reported(source="nobody", test=0.99, remark="it differs."),
        data_set="tiny",
        network="mlp",
        network_options={"units": (16,), "dropout": 0.1, "l2": 0.001},
        epochs=4,
        batch_size=32,
        optimizer=Optimizer(name="rmsprop", learning_rate=1e-2, schedule="constant"),
        scaling="symmetric",
        validation_images=0,
    ),
    _TINY.with_(
        name="tiny_unchanged",
        title="bright quarters, as they are",
        augmentation=Augmentation(),
        label_smoothing=0.0,
        epochs=2,
    ),
)
