"""CIFAR-10, the shipped model: airbench's CNN, trained on sturdy pictures and then on clearer ones."""

from training.recipe import Augmentation, Optimizer, Recipe, Refinement

RECIPES = (
    Recipe(
        name="cifar10",
        title="photographs of ten things, 32×32 colour",
        data_set="cifar10",
        network="airbench",
        network_options={"widths": (96, 384, 384)},
        epochs=40,
        batch_size=1024,
        # Airbench's learning rate and decay, for the mean of a batch instead of the sum.
        optimizer=Optimizer(name="sgd", learning_rate=1.5, weight_decay=0.0089, momentum=0.85, lookahead_steps=5),
        augmentation=Augmentation(
            shift_pixels=3,
            mirror=True,
            cutout_pixels=8,
            warped=0.1,
            turn_degrees=15,
            scale=0.2,
            shear=0.1,
            light=0.08,
            blur=0.05,
            noise=0.06,
        ),
        refinement=Refinement(
            epochs=6,
            learning_rate=0.15,
            augmentation=Augmentation(
                shift_pixels=2,
                mirror=True,
                warped=0.05,
                turn_degrees=15,
                scale=0.2,
                shear=0.1,
                light=0.06,
                blur=0.04,
                noise=0.05,
            ),
        ),
        label_smoothing=0.2,
        validation_images=2500,
    ),
)
