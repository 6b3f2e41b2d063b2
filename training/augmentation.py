"""Augmentation: a Keras layer that changes each training picture afresh, inside the compiled training step.

It is written on `keras.ops`, so the same code runs on TensorFlow and JAX, on the CPU and on a GPU. Movements of all
sorts are one affine transform of each picture. Pixels are float32 from 0 to 255 on the way.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from training.recipe import Augmentation

# A tensor of the backend.
Tensor = Any
# Changes a batch of pictures.
Change = Callable[[Tensor], Tensor]

_MAX_NOISE = 25.0
# Side of the squares that a ground's texture is made of, from folds of a sheet to a carpet's pile.
_GRAINS_PX = (14, 7, 4, 2, 1)
# Pixels of a garment are above the first; those up to the second are its soft edge.
_GARMENT, _SOLID_GARMENT = 12.0, 40.0
# Of the garments laid on a ground: those on all of it, and those with remnants of it; the others are on black.
_WHOLE_GROUND, _REMNANTS = 0.3, 0.4
# Of the garments: those whose dark and light are swapped, as of a light one cut out of its ground.
_SWAPPED = 0.2


class Augment(keras.layers.Layer):
    """The augmentation of one phase of training at a time; passes pictures on unchanged outside of training.

    Takes and returns uint8 `[N, H, W, C]`. A change that no phase has is left out of the graph. Its random state is
    a variable: a checkpoint keeps it.
    """

    def __init__(self, phases: Sequence[Augmentation], seed: int) -> None:
        super().__init__(name="augmentation", dtype="float32", trainable=False)
        self._seeds = keras.random.SeedGenerator(seed)
        self._is_black_outside = phases[0].outside == "black"
        numbers = phases[0].model_dump(exclude={"outside", "mirror"})
        self._amounts = {
            name: self.add_weight(shape=(), initializer="zeros", trainable=False, name=name)
            for name in numbers
            if any(getattr(phase, name) for phase in phases)
        }
        # TensorFlow's affine transform has no XLA kernel.
        self.supports_jit = keras.backend.backend() != "tensorflow" or not self._amounts
        self._most = {name: max(getattr(phase, name) for phase in phases) for name in self._amounts}
        self.set_phase(phases[0])

    def set_phase(self, phase: Augmentation) -> None:
        """Applies the augmentation of a phase from the next batch on."""
        for name, amount in self._amounts.items():
            amount.assign(float(getattr(phase, name)))

    def call(self, images: Tensor, training: bool = False) -> Tensor:
        """The order is that in which pictures come about: the subject, its place, its ground, the camera."""
        if not training or not self._amounts:
            return images
        changed = ops.cast(images, "float32")
        changed = self._in_part("stroke", self._redrawn, changed)
        if {"shift_pixels", "warped"} & self._amounts.keys():
            changed = self._moved(changed)
        changed = self._in_part("ground", self._laid, changed)
        changed = self._in_part("light", self._lit, changed)
        changed = self._in_part("blur", self._blurred, changed)
        changed = self._in_part("noise", self._noisy, changed)
        if "cutout_pixels" in self._amounts:
            changed = self._cut_out(changed)
        return ops.cast(ops.clip(ops.round(changed), 0, 255), "uint8")

    def _in_part(self, name: str, change: Change, images: Tensor) -> Tensor:
        """Each picture changed with the probability that the amount of this name says.

        Shapes in the graph do not depend on chance, so a fixed part of the batch is drawn, the largest amount of all
        phases rounded up. Only these pictures are computed, and of these a random part is changed.
        """
        if name not in self._amounts:
            return images
        count = ops.shape(images)[0]
        size = _rounded_up(self._most[name], count)
        drawn = keras.random.shuffle(ops.arange(count, dtype="int32"), seed=self._seeds)[:size]
        before = ops.take(images, drawn, axis=0)
        probability = self._amounts[name] * ops.cast(count, "float32") / ops.cast(size, "float32")
        after = ops.where(self._uniform(_one_each(before)) < probability, change(before), before)
        return ops.scatter_update(images, drawn[:, None], after)

    def _amount(self, name: str) -> Tensor:
        return self._amounts.get(name, 0.0)

    def _uniform(self, shape: Sequence[Any], low: float = 0.0, high: float = 1.0) -> Tensor:
        return keras.random.uniform(shape, low, high, seed=self._seeds)

    def _normal(self, shape: Sequence[Any]) -> Tensor:
        return keras.random.normal(shape, seed=self._seeds)

    def _exponential(self, shape: Sequence[Any], scale: float) -> Tensor:
        return -scale * ops.log(self._uniform(shape, 1e-7))

    # The subject and its place

    def _redrawn(self, images: Tensor) -> Tensor:
        """Bright strokes on black made thicker or thinner, by up to a pixel or half a pixel on each side."""
        # A pixel and its four neighbours: over the eight, corners would grow square.
        neighbours = ops.stack([images, *_beside(images)])
        amount = self._uniform(_one_each(images), -0.5, 1.0)
        other = ops.where(amount > 0, ops.max(neighbours, 0), ops.min(neighbours, 0))
        return images + ops.abs(amount) * (other - images)

    def _moved(self, images: Tensor) -> Tensor:
        """Each picture shifted by whole pixels; a part of them also turned, scaled, sheared and squashed.

        Bilinear, which leaves whole shifts sharp. Scaling is uniform in the logarithm, from 1 / (1 + scale) to
        1 + scale; then either height or width is squashed, by up to 1 + squash.
        """
        count, height, width, _ = ops.shape(images)
        reach = self._amount("shift_pixels")
        down, across = (ops.floor(self._uniform((count,)) * (2 * reach + 1)) - reach for _ in range(2))
        (row_row, row_column), (column_row, column_column) = self._warp(count)
        middle_row, middle_column = (height - 1) / 2, (width - 1) / 2
        # From a place in the new picture to the one in the old, about the middle.
        row, column = down - middle_row, across - middle_column
        to_row = middle_row + row_row * row + row_column * column
        to_column = middle_column + column_row * row + column_column * column
        nothing = ops.zeros_like(to_row)
        transform = [column_column, column_row, to_column, row_column, row_row, to_row, nothing, nothing]
        return ops.image.affine_transform(
            images,
            ops.stack(transform, axis=1),
            interpolation="bilinear",
            fill_mode="constant" if self._is_black_outside else "reflect",
            data_format="channels_last",
        )

    def _warp(self, count: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The matrix from an offset (row, column) in the new picture to that in the old one, a number each `[N]`."""
        part = ops.cast(self._uniform((count,)) < self._amount("warped"), "float32")
        turn, scale, shear = (part * self._uniform((count,), -1.0, 1.0) for _ in range(3))
        angle = turn * self._amount("turn_degrees") * (math.pi / 180)
        factor = ops.exp(scale * ops.log(1.0 + self._amount("scale")))
        cosine, sine, slope = ops.cos(angle) * factor, ops.sin(angle) * factor, shear * self._amount("shear")
        tall, wide = self._squash(count, part)
        return (cosine * tall, (cosine * slope - sine) * tall), (sine * wide, (sine * slope + cosine) * wide)

    def _squash(self, count: Tensor, part: Tensor) -> tuple[Tensor, Tensor]:
        """How many times as far apart, at least 1, rows and columns of the new picture lie in the old one."""
        factor = ops.exp(part * self._uniform((count,)) * ops.log(1.0 + self._amount("squash")))
        is_tall = self._uniform((count,)) < 0.5
        return ops.where(is_tall, factor, 1.0), ops.where(is_tall, 1.0, factor)

    def _cut_out(self, images: Tensor) -> Tensor:
        """A square, clipped at the edges, set to the picture's mean (DeVries & Taylor 2017, arXiv 1708.04552)."""
        count, height, width, _ = ops.shape(images)
        side = self._amounts["cutout_pixels"]

        def band(length: int) -> Tensor:
            first = ops.floor(self._uniform((count, 1)) * length) - ops.floor(side / 2)
            place = ops.arange(length, dtype="float32")[None]
            return ops.logical_and(place >= first, place < first + side)

        hole = ops.logical_and(band(height)[:, :, None, None], band(width)[:, None, :, None])
        return ops.where(hole, ops.mean(images, axis=(1, 2), keepdims=True), images)

    # The camera

    def _lit(self, images: Tensor) -> Tensor:
        """Other contrast and brightness, and light that falls off from one side; in colour, of another tint."""
        shape, channels = _one_each(images), images.shape[-1]
        mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
        contrast, brightness = self._uniform(shape, 0.5, 1.3), self._uniform(shape, -40.0, 40.0)
        light = 1.0 + self._slope(images, 0.25)
        if channels > 1:
            light = light + self._uniform((shape[0], 1, 1, channels), -0.08, 0.08)
        return ops.clip((mean + contrast * (images - mean) + brightness) * light, 0, 255)

    def _slope(self, images: Tensor, most: float) -> Tensor:
        """A plane `[N, H, W, 1]` through 0 in the middle, of up to `most` at each edge."""
        _, height, width, _ = images.shape
        down, across = (self._uniform(_one_each(images), -most, most) for _ in range(2))
        rows, columns = ops.linspace(-1.0, 1.0, height), ops.linspace(-1.0, 1.0, width)
        return down * rows[None, :, None, None] + across * columns[None, None, :, None]

    def _blurred(self, images: Tensor) -> Tensor:
        """Out of focus, by a kernel of 3×3 or, in half of the pictures, of 5×5."""
        weight = self._uniform(_one_each(images), 0.08, 1 / 3)
        once = _smoothed(images, weight)
        is_wide = self._uniform(_one_each(images)) < 0.5
        return ops.where(is_wide, _smoothed(once, weight), once)

    def _noisy(self, images: Tensor) -> Tensor:
        """A sensor's noise, normal and with a deviation of up to 25 of 255."""
        return images + self._uniform(_one_each(images), 0.0, _MAX_NOISE) * self._normal(ops.shape(images))

    # The ground of a garment

    def _laid(self, images: Tensor) -> Tensor:
        """Garments on black `[N, H, W, 1]`, cut out by their own pixels and laid on another ground, in another tone.

        Grounds are flat, graded or textured and mostly darker than the garment, as after the negation of a light one.
        Of some only patches beside the garment are left, and of some nothing, as after they were cut away; then a
        piece of the garment may be missing too.
        """
        garment, cover = self._toned(images), _cover(images)
        draw, patches = self._uniform(_one_each(images)), self._patches(images)
        remnants = _near(cover) * ops.cast(patches > 0.9, "float32")
        left = ops.where(draw < _WHOLE_GROUND, 1.0, ops.where(draw < _WHOLE_GROUND + _REMNANTS, remnants, 0.0))
        # What was taken for ground at the garment's rim.
        is_missing = ops.logical_and(draw >= _WHOLE_GROUND, patches < -1.6)
        cover = ops.where(is_missing, cover * (1 - _near(1 - cover)), cover)
        return ops.clip(cover * garment + (1 - cover) * left * self._grounds(images), 0, 255)

    def _toned(self, images: Tensor) -> Tensor:
        """Other contrast and brightness of the garment itself, creased, and in some dark for light."""
        shape = _one_each(images)
        swapped = ops.where(self._uniform(shape) < _SWAPPED, 255.0 - images, images)
        return swapped * self._uniform(shape, 0.45, 1.0) + self._uniform(shape, 0.0, 90.0) + self._folds(images)

    def _folds(self, images: Tensor) -> Tensor:
        """The light and shadow of creases: a bent wave across each picture, of any direction, length and depth."""
        _, height, width, _ = images.shape
        shape = _one_each(images)
        rows = self._normal(shape) * ops.arange(height, dtype="float32")[None, :, None, None]
        columns = self._normal(shape) * ops.arange(width, dtype="float32")[None, None, :, None]
        phase = self._uniform(shape, 0.0, 2 * math.pi)
        return self._exponential(shape, 12.0) * ops.sin(rows + columns + 2 * self._patches(images) + phase)

    def _patches(self, images: Tensor) -> Tensor:
        """Values of deviation 1, `[N, H, W, 1]`, that change over a quarter of the picture."""
        count, (height, width) = ops.shape(images)[0], images.shape[1:3]
        coarse = self._normal((count, 5, 5, 1))
        # What interpolation takes from the deviation is given back.
        return 1.4 * ops.image.resize(coarse, (height, width), "bilinear", data_format="channels_last")

    def _grounds(self, images: Tensor) -> Tensor:
        shape = _one_each(images)
        level = 35 * keras.random.gamma(shape, 1.5, seed=self._seeds)
        depth = self._exponential(shape, 18.0) * ops.cast(self._uniform(shape) < 0.7, "float32")
        return level + self._slope(images, 35.0) + depth * self._texture(images)

    def _texture(self, images: Tensor) -> Tensor:
        """Noise of deviation 1, `[N, H, W, 1]`, of a grain drawn for each picture."""
        count, (height, width) = ops.shape(images)[0], images.shape[1:3]
        drawn = ops.floor(self._uniform(_one_each(images)) * len(_GRAINS_PX))
        texture: Tensor = 0.0
        for number, grain in enumerate(_GRAINS_PX):
            coarse = self._normal((count, -(-height // grain), -(-width // grain), 1))
            grained = ops.repeat(ops.repeat(coarse, grain, axis=1), grain, axis=2)[:, :height, :width]
            texture = ops.where(drawn == number, grained, texture)
        return texture


def _rounded_up(part: float, count: Any) -> Any:  # noqa: ANN401  a number, or in a graph a tensor
    """`part` of so many pictures, to a thousandth, at least one."""
    return (count * max(1, round(1000 * part)) + 999) // 1000


def _one_each(images: Tensor) -> tuple[Any, ...]:
    """The shape of one number a picture."""
    return (ops.shape(images)[0], 1, 1, 1)


def _beside(images: Tensor) -> list[Tensor]:
    """The neighbours above, below, left and right of each pixel; beyond an edge, the edge itself."""
    padded = ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    return [padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]]


def _smoothed(images: Tensor, weight: Tensor) -> Tensor:
    """Each pixel mixed with its neighbours, `weight` of each, down and then across."""
    padded = ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    down = (1 - 2 * weight) * padded[:, 1:-1] + weight * (padded[:, :-2] + padded[:, 2:])
    return (1 - 2 * weight) * down[:, :, 1:-1] + weight * (down[:, :, :-2] + down[:, :, 2:])


def _cover(images: Tensor) -> Tensor:
    """How much of each pixel is garment, 0 to 1: soft where its own edge is, and dark prints are not holes."""
    return ops.maximum(ops.clip(images / _SOLID_GARMENT, 0, 1), _hollows(images))


def _hollows(images: Tensor) -> Tensor:
    """1 where a pixel has garment somewhere above, below, left and right of it, and directly beside it."""
    there = ops.cast(images > _GARMENT, "float32")
    is_within = ops.max(ops.stack(_beside(there)), 0)
    for axis in (1, 2):
        before = ops.cumsum(there, axis=axis)
        after = ops.sum(there, axis=axis, keepdims=True) - before + there
        is_within = is_within * ops.cast(ops.logical_and(before > 0, after > 0), "float32")
    return is_within


def _near(cover: Tensor) -> Tensor:
    """The largest value within two pixels of each."""
    return ops.max_pool(cover, 5, strides=1, padding="same", data_format="channels_last")
