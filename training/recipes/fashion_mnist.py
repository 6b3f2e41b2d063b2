"""Fashion-MNIST, the shipped model: airbench's CNN at half its width, on clothes in other light and of other ground."""

from training.recipe import Augmentation, Optimizer, Recipe, Refinement

RECIPES = (
    Recipe(
        name="fashion_mnist",
        title="clothes, 28×28 grey",
        data_set="fashion_mnist",
        network="airbench",
        network_options={"widths": (64, 128, 256)},
        epochs=96,
        batch_size=512,
        optimizer=Optimizer(name="sgd", learning_rate=0.75, weight_decay=0.0089, momentum=0.85, lookahead_steps=5),
        augmentation=Augmentation(
            outside="black",
            shift_pixels=2,
            mirror=True,
            cutout_pixels=10,
            warped=0.3,
            turn_degrees=12,
            scale=0.12,
            shear=0.08,
            squash=0.35,
            ground=0.3,
            light=0.12,
            blur=0.08,
            noise=0.06,
        ),
        refinement=Refinement(
            epochs=16,
            learning_rate=0.1,
            augmentation=Augmentation(
                outside="black",
                shift_pixels=2,
                mirror=True,
                warped=0.1,
                turn_degrees=12,
                scale=0.12,
                shear=0.08,
                squash=0.35,
                ground=0.1,
                light=0.05,
                blur=0.04,
                noise=0.04,
            ),
        ),
        label_smoothing=0.2,
    ),
)
