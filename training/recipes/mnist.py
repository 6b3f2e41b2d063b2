"""MNIST, the shipped model: airbench's CNN at a fraction of its width, on strokes of every pen and camera."""

from training.recipe import Augmentation, Optimizer, Recipe

RECIPES = (
    Recipe(
        name="mnist",
        title="handwritten digits, 28×28 grey",
        data_set="mnist",
        network="airbench",
        network_options={"widths": (32, 64, 128)},
        epochs=30,
        batch_size=512,
        optimizer=Optimizer(name="sgd", learning_rate=0.75, weight_decay=0.0089, momentum=0.85, lookahead_steps=5),
        augmentation=Augmentation(
            outside="black",
            shift_pixels=2,
            cutout_pixels=8,
            warped=0.8,
            turn_degrees=12,
            scale=0.12,
            shear=0.12,
            stroke=0.3,
            light=0.15,
            blur=0.1,
            noise=0.1,
        ),
        label_smoothing=0.2,
    ),
)
