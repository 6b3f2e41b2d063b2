"""Your own images: what `python -m training train-folder` starts from; its options fill in the rest."""

from training.recipe import Augmentation, Optimizer, Recipe

RECIPES = (
    Recipe(
        name="folder",
        title="your own images, see `train-folder --help`",
        data_set="folder",
        network="convnet",
        network_options={"stem": 24, "widths": (32, 64, 128)},
        epochs=30,
        batch_size=64,
        optimizer=Optimizer(learning_rate=2e-3, weight_decay=0.05),
        augmentation=Augmentation(shift_pixels=2),
        label_smoothing=0.1,
    ),
)
