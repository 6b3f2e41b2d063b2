"""A recurrent network that reads an image row by row."""

import keras
from keras import layers


def build(image: keras.KerasTensor, outputs: int, *, units: int, dropout: float) -> keras.KerasTensor:
    """Outputs `[N, outputs]` after the last row of a grey image `[N, H, W, 1]`."""
    height, width = image.shape[1:3]
    rows = layers.Reshape((height, width))(image)
    # Unrolled: LiteRT has no loop to run otherwise.
    return layers.Dense(outputs, dtype="float32")(layers.SimpleRNN(units, dropout=dropout, unroll=True)(rows))
