"""Fashion-MNIST, the shipped model: airbench's CNN at half its width, on clothes in other light and on other ground."""

from training.recipe import Augmentation, Optimizer, Recipe

RECIPES = (
    Recipe(
        name="fashion_mnist",
        title="clothes, 28×28 grey",
        data_set="fashion_mnist",
        network="airbench",
        network_options={"widths": (64, 128, 256)},
        epochs=36,
        batch_size=512,
        optimizer=Optimizer(name="sgd", learning_rate=0.75, weight_decay=0.0089, momentum=0.85, lookahead_steps=5),
        augmentation=Augmentation(
            outside="black",
            shift_pixels=2,
            mirror=True,
            cutout_pixels=10,
            warped=0.25,
            turn_degrees=10,
            scale=0.12,
            shear=0.08,
            ground=0.15,
            light=0.15,
            blur=0.08,
            noise=0.08,
            jpeg=0.08,
        ),
        label_smoothing=0.2,
    ),
)
