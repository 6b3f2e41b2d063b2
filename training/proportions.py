"""How far a count of right answers can be trusted."""

import math

# Two-sided 95 % of the normal distribution.
_Z = 1.959964


def wilson_interval(accuracy: float, images: int) -> tuple[float, float]:
    """The 95 % interval of an accuracy measured on that many images (Wilson 1927), however few."""
    spread = _Z**2 / images
    centre = (accuracy + spread / 2) / (1 + spread)
    half = math.sqrt(accuracy * (1 - accuracy) * spread + spread**2 / 4) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def accuracy_text(accuracy: float, images: int | None) -> str:
    """An accuracy with the number of images it was measured on, where that is known, and its 95 % interval."""
    if images is None:
        return f"{accuracy:.2%}"
    low, high = wilson_interval(accuracy, images)
    return f"{accuracy:.2%} of {images} images (95 % interval {low:.1%} to {high:.1%})"


def p_value_of_fewer(right: int, images: int, other_right: int, other_images: int) -> float:
    """How likely `right` or fewer of `images` are if both models are equally good: Fisher's exact test, one-sided."""
    total_right, total = right + other_right, images + other_images
    least = max(0, total_right - other_images)
    logs = (
        _log_binomial(images, k) + _log_binomial(other_images, total_right - k) - _log_binomial(total, total_right)
        for k in range(least, right + 1)
    )
    return min(1.0, math.fsum(math.exp(log) for log in logs))


def _log_binomial(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
