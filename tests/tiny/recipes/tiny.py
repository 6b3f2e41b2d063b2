"""Seconds long, and with everything in it that a real recipe has."""

from training.recipe import Augmentation, Optimizer, Recipe

RECIPES = (
    Recipe(
        name="tiny",
        title="bright quarters",
        data_set="tiny",
        network="convnet",
        network_options={"stem": 4, "widths": (8, 8)},
        epochs=3,
        batch_size=32,
        optimizer=Optimizer(learning_rate=1e-2, weight_decay=0.01),
        augmentation=Augmentation(shift_pixels=1, cutout_pixels=2),
        label_smoothing=0.1,
        validation_images=100,
    ),
)
