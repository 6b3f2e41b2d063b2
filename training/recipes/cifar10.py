"""CIFAR-10, the shipped model: the same shape of network at twice the width."""

from training.recipe import Augmentation, Optimizer, Recipe

RECIPES = (
    Recipe(
        name="cifar10",
        title="photographs of ten things, 32×32 colour",
        data_set="cifar10",
        network="convnet",
        network_options={"stem": 24, "widths": (64, 128, 256)},
        epochs=20,
        batch_size=256,
        optimizer=Optimizer(learning_rate=4e-3, weight_decay=0.05),
        augmentation=Augmentation(shift_pixels=3, mirror=True, cutout_pixels=8),
        label_smoothing=0.1,
    ),
)
