"""Fashion-MNIST, the shipped model: the MNIST network with mirroring and cutout."""

from training.recipe import Augmentation, Optimizer, Recipe

RECIPES = (
    Recipe(
        name="fashion_mnist",
        title="clothes, 28×28 grey",
        data_set="fashion_mnist",
        network="convnet",
        network_options={"stem": 16, "widths": (32, 64, 128)},
        epochs=20,
        batch_size=256,
        optimizer=Optimizer(learning_rate=4e-3, weight_decay=0.02),
        augmentation=Augmentation(shift_pixels=2, mirror=True, cutout_pixels=8),
        label_smoothing=0.1,
    ),
)
