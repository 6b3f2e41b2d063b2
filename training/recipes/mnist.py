"""MNIST, the shipped model: a narrow three-stage CNN."""

from training.recipe import Augmentation, Optimizer, Recipe

RECIPES = (
    Recipe(
        name="mnist",
        title="handwritten digits, 28×28 grey",
        data_set="mnist",
        network="convnet",
        network_options={"stem": 16, "widths": (32, 64, 128)},
        epochs=12,
        batch_size=256,
        optimizer=Optimizer(learning_rate=4e-3, weight_decay=0.02),
        augmentation=Augmentation(shift_pixels=2),
        label_smoothing=0.1,
    ),
)
