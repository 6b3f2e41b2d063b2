"""Where chance comes from: NumPy's generator, or a key of JAX for what is compiled."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

Shape = int | tuple[int, ...]
# NumPy's arrays, or JAX's.
Array = Any


class Draws(Protocol):
    """What both have, by the names and with the meaning that numpy.random.Generator gives them."""

    # ruff: noqa: D102
    def random(self, size: Shape, /) -> Array: ...
    def uniform(self, low: float, high: float, size: Shape, /) -> Array: ...
    def normal(self, mean: float, deviation: float, size: Shape, /) -> Array: ...
    def standard_normal(self, size: Shape, dtype: type[np.float32], /) -> Array: ...
    def exponential(self, scale: float, size: Shape, /) -> Array: ...
    def gamma(self, shape: float, scale: float, size: Shape, /) -> Array: ...
    def integers(self, low: int, high: int, size: Shape, /) -> Array: ...


class KeyedDraws:
    """What follows from one key: float32 and int32, the same each time; to be used within one trace."""

    def __init__(self, key: Array) -> None:
        import jax

        self._draw, self._key = jax.random, key

    def _next(self) -> Array:
        self._key, used = self._draw.split(self._key)
        return used

    def random(self, size: Shape, /) -> Array:
        return self.uniform(0.0, 1.0, size)

    def uniform(self, low: float, high: float, size: Shape, /) -> Array:
        return self._draw.uniform(self._next(), _shape(size), minval=low, maxval=high)

    def normal(self, mean: float, deviation: float, size: Shape, /) -> Array:
        return mean + deviation * self.standard_normal(size, np.float32)

    def standard_normal(self, size: Shape, dtype: type[np.float32], /) -> Array:
        return self._draw.normal(self._next(), _shape(size), dtype)

    def exponential(self, scale: float, size: Shape, /) -> Array:
        return scale * self._draw.exponential(self._next(), _shape(size))

    def gamma(self, shape: float, scale: float, size: Shape, /) -> Array:
        return scale * self._draw.gamma(self._next(), shape, _shape(size))

    def integers(self, low: int, high: int, size: Shape, /) -> Array:
        return self._draw.randint(self._next(), _shape(size), low, high)


def one_of(options: Sequence[int], make: Callable[[int], Array], random: Draws) -> Array:
    """What is made of one of them, each as likely; where shapes must not depend on chance, of all, and one is taken."""
    if isinstance(random, np.random.Generator):
        return make(int(random.choice(options)))
    made = [make(option) for option in options]
    namespace = made[0].__array_namespace__()
    return namespace.stack(made)[random.integers(0, len(made), ())]


def _shape(size: Shape) -> tuple[int, ...]:
    return (size,) if isinstance(size, int) else size
